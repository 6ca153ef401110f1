// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/generate_key.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "cli/ask/ask_secret.h"
#include "cli/ask/secret_source.h"
#include "cli/input/key_location.h"
#include "cli/output/json_text.h"
#include "cli/output/output.h"
#include "cli/verbs/add_to_agent.h"
#include "cli/verbs/library_consent.h"
#include "lib/base/try.h"
#include "lib/pki/client/module_host.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;
using OptionalSecret = std::optional<SecretBytes>;

// A token already has its PIN. A file is given a new secret, which is typed twice.
bool has_secret(const pki::KeyLocation& where) {
    return where.module == "pkcs11";
}

Result<OptionalSecret> ask_for_secret(const pki::KeyLocation& where) {
    if (!can_ask()) {
        return std::unexpected(
            Error{ErrorCode::kSecretRequired, "there is no terminal to ask for the key's secret",
                  non_interactive_advice("--passphrase-file") + ", or --no-passphrase"});
    }
    const auto question = key_question(where);
    return has_secret(where) ? ask_secret(question) : ask_new_secret(question);
}

Result<OptionalSecret> choose_secret(const GenerateKeyOptions& options,
                                     const pki::KeyLocation& where) {
    if (options.no_passphrase) {
        return std::nullopt;
    }
    if (!options.passphrase_file) {
        return ask_for_secret(where);
    }
    auto read = read_key_secret({options.passphrase_file, where});
    if (read && read->empty()) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     "the first line of the passphrase file is empty",
                                     "for a key without a secret give --no-passphrase"});
    }
    return read;
}

Result<std::string> make_key(const GenerateKeyOptions& options, const pki::KeyLocation& where,
                             const OptionalSecret& secret) {
    auto host = TRY(pki::ModuleHost::start(options.paths, where.module, pki::HostTask::kMakeKeys));
    pki::MakeKey message{1, options.bits.value_or(0), where.locator, {}, {}};
    if (options.pcrs) {
        message.options.push_back({"pcrs", *options.pcrs});
    }
    if (options.curve) {
        message.options.push_back({"curve", *options.curve});
    }
    if (secret) {
        message.secret = base::secret_entry(secret->view());
    }
    return host.make_key(message);
}

}  // namespace

std::string made_key_json(const pki::KeyLocation& key) {
    return json_line({{"module", key.module}, {"locator", key.locator}});
}

void add_options(CLI::App& parser, GenerateKeyOptions& options) {
    add_json(parser, options.json);
    parser.add_option("MODULE", options.module, "openssl, pkcs11, tpm2 or another PKI module")
        ->type_name("")
        ->required();
    parser
        .add_option("WHERE", options.where,
                    "The file to make, or a token and the key's name there as a pkcs11: URI")
        ->type_name("")
        ->required();
    auto* bits =
        parser
            .add_option("--bits", options.bits, "2048, 3072 (default where the device can) or 4096")
            ->type_name("BITS")
            ->check(CLI::IsMember({2048U, 3072U, 4096U}).description(""));
    auto* curve = parser
                      .add_option("--curve", options.curve,
                                  "Not RSA but this curve, for a folder key: p256, p384 or x25519")
                      ->type_name("CURVE")
                      ->check(CLI::IsMember({"p256", "p384", "x25519"}).description(""))
                      ->excludes(bits);
    parser
        .add_option("--pcrs", options.pcrs,
                    "TPM only: the key works while these PCRs are unchanged, such as sha256:7+11")
        ->type_name("BANK:PCR+PCR");
    add_secret_file(parser, "--passphrase-file", options.passphrase_file, kPassphraseOrPin);
    parser
        .add_flag("--no-passphrase", options.no_passphrase,
                  "Make a key that needs no passphrase or PIN")
        ->excludes("--passphrase-file");
    auto* add = parser.add_flag("--add", options.add, "Add it at once, and print its signature")
                    ->excludes(curve);
    add_place(parser, options.place);
    parser.get_option("--keyring")->needs(add);
    parser.get_option("--timeout")->needs(add);
    add_allow_library(parser, options.allowed_libraries);
    add_paths(parser, options.paths);
}

Result<void> run(const GenerateKeyOptions& options) {
    TRY(allow_libraries(options.allowed_libraries));
    const auto where = TRY(locate_key(options.where, options.module));
    const auto secret = TRY(choose_secret(options, where));
    const auto made = TRY(make_key(options, where, secret));
    const pki::KeyLocation key{where.module, made};
    if (!options.add) {
        return print(options.json ? made_key_json(key) : made + "\n");
    }
    note(fmt::format("made {}", made));  // even if adding fails
    const auto with_secret = [&](const OpenKeyWith& open) -> Result<void> {
        const auto memfd = base::SealedMemfd::create(secret ? secret->view() : base::ByteView{});
        return memfd ? open(*memfd) : std::unexpected(memfd.error());
    };
    return add_to_agent(key, with_secret, options.place.place(), options.json);
}

}  // namespace ecryptfs::cli
