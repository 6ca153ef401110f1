// SPDX-License-Identifier: Apache-2.0

#include <fmt/format.h>

#include <optional>

#include "cli/ask/asking.h"
#include "cli/ask/opening.h"
#include "cli/ask/passphrase_input.h"
#include "cli/output/json_output.h"
#include "cli/output/output.h"
#include "cli/verbs/adding.h"
#include "cli/verbs/verbs.h"
#include "lib/base/try.h"
#include "lib/pki/client/module_host.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;
using OptionalSecret = std::optional<SecretBytes>;

// A token has its PIN already; files are given one, which must not hold a slip of the finger.
bool has_secret_already(const pki::KeyLocation& where) {
    return where.module == "pkcs11";
}

Result<OptionalSecret> ask_for_secret(const pki::KeyLocation& where) {
    if (!somebody_to_ask()) {
        return std::unexpected(
            Error{ErrorCode::kSecretRequired, "there is no terminal to ask for the key's secret",
                  non_interactive_advice("--passphrase-file") + ", or --no-passphrase"});
    }
    return has_secret_already(where) ? ask(question_for(where)) : prompt_twice(question_for(where));
}

Result<OptionalSecret> secret_for(const GenerateKey& command, const pki::KeyLocation& where) {
    if (command.no_passphrase) {
        return std::nullopt;
    }
    if (command.passphrase_file.empty()) {
        return ask_for_secret(where);
    }
    auto read = secret_from_file({command.passphrase_file, where});
    if (read && read->empty()) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     "the first line of the passphrase file is empty",
                                     "for a key without a secret give --no-passphrase"});
    }
    return read;
}

Result<std::string> make_key(const GenerateKey& command, const pki::KeyLocation& where,
                             const OptionalSecret& secret) {
    auto host = TRY(pki::ModuleHost::start(command.paths, where.module, pki::HostTask::kMakeKeys));
    pki::MakeKey message{1, command.bits, where.locator, {}, {}};
    if (!command.pcrs.empty()) {
        message.options.push_back({"pcrs", command.pcrs});
    }
    if (secret) {
        message.secret = base::secret_entry(secret->view());
    }
    return host.make_key(message);
}

}  // namespace

Result<void> run(const GenerateKey& command) {
    const auto where = TRY(locate_key(command.where, command.module));
    const auto secret = TRY(secret_for(command, where));
    const auto made = TRY(make_key(command, where, secret));
    const pki::KeyLocation key{where.module, made};
    if (!command.add) {
        return print(command.json ? made_key_json(key) : made + "\n");
    }
    note(fmt::format("made {}", made));  // also should adding fail
    const auto with_secret = [&](const OpenKeyWith& open) -> Result<void> {
        const auto memfd = base::SealedMemfd::create(secret ? (secret)->view() : base::ByteView{});
        return memfd ? open(*memfd) : std::unexpected(memfd.error());
    };
    return add_key(key, with_secret, command.place, command.json);
}

}  // namespace ecryptfs::cli
