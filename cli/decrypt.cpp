// SPDX-License-Identifier: Apache-2.0

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "cli/decrypt_tree.h"
#include "cli/file_json.h"
#include "cli/output.h"
#include "cli/passphrase_input.h"
#include "cli/verbs.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr char kPassphraseFile[] = "--passphrase-file";

Result<void> add_keys(FileOpener& opener, const Decrypt& command) {
    const auto& files = command.key_passphrase_files;
    if (files.size() > command.keys.size()) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     "more --key-passphrase-file than --key",
                                     "give the first file for the first key, and so on"});
    }
    for (std::size_t i = 0; i < command.keys.size(); ++i) {
        const auto location = locate_key(command.keys[i], "");
        if (!location) {
            return std::unexpected(location.error());
        }
        const auto added = opener.add_private_key(*location, i < files.size() ? files[i] : "");
        if (!added) {
            return std::unexpected(added.error());
        }
    }
    return {};
}

Result<void> add_passphrases(FileOpener& opener, const Decrypt& command) {
    const auto salt = typed_salt(command.salt);
    if (!salt) {
        return std::unexpected(salt.error());
    }
    const auto add = [&](const Result<base::SecretBytes>& passphrase) -> Result<void> {
        return passphrase ? opener.add_passphrase(passphrase->view(), *salt)
                          : std::unexpected(passphrase.error());
    };
    for (const auto& file : command.passphrase_files) {
        if (auto added = add(passphrase_from(file, kMountQuestion, kPassphraseFile)); !added) {
            return added;
        }
    }
    if (!command.wrapped.empty()) {
        if (auto added = add(unwrapped_passphrase(command.wrapped, command.wrapping_file));
            !added) {
            return added;
        }
    }
    return command.passphrase ? add(passphrase_from("", kMountQuestion, kPassphraseFile))
                              : Result<void>();
}

// What cannot be meant so, before anybody is asked for anything.
Result<void> check_sources(const Decrypt& command) {
    std::vector<std::string> files = command.key_passphrase_files;
    files.insert(files.end(), command.passphrase_files.begin(), command.passphrase_files.end());
    files.push_back(command.wrapping_file);
    if (auto once = standard_input_at_most_once(files); !once) {
        return once;
    }
    if (!command.salt.empty() && !command.passphrase && command.passphrase_files.empty() &&
        command.wrapped.empty()) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     "--salt is of a mount passphrase, and none is given",
                                     "give it with --passphrase, --passphrase-file or --wrapped"});
    }
    return {};
}

Result<base::UniqueFd> open_output(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
        return std::unexpected(file_error(fmt::format("making {}", path), errno));
    }
    base::UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) {
        return std::unexpected(file_error(fmt::format("opening {}", path), errno));
    }
    return folder;
}

std::string counts_text(const DecryptCounts& counts) {
    return fmt::format("decrypted {} files, {}; {} were complete already; {} failures\n",
                       counts.files, size_in_words(counts.bytes), counts.skipped,
                       counts.failures.size());
}

std::unexpected<Error> stop_of(const DecryptCounts& counts) {
    const auto& [path, error] = counts.failures.back();
    return std::unexpected(
        Error{error.code,
              fmt::format("stopped at {}: {}; the rest was not looked at", path, error.message),
              error.advice});
}

std::unexpected<Error> failure_of(const DecryptCounts& counts) {
    const auto& [path, error] = counts.failures.front();
    return std::unexpected(
        Error{error.code,
              fmt::format("{} of what is there could not be decrypted, the first of it {}: {}",
                          counts.failures.size(), path, error.message),
              error.advice});
}

}  // namespace

Result<void> run(const Decrypt& command) {
    if (auto fine = check_sources(command); !fine) {
        return fine;
    }
    FileOpener opener(command.paths);
    if (auto added = add_keys(opener, command); !added) {
        return added;
    }
    if (auto added = add_passphrases(opener, command); !added) {
        return added;
    }
    auto output = open_output(command.output);
    if (!output) {
        return std::unexpected(output.error());
    }
    const int output_fd = output->get();
    Progress progress("decrypting",
                      Progress::is_visible() ? size_of_trees(command.lower).bytes : 0);
    TreeDecryption decryption(opener, progress, std::move(*output));
    for (const auto& path : command.lower) {
        if (!decryption.stopped()) {
            walk_tree(path, decryption);
        }
    }
    progress.clear();
    // Names and contents, so that what is called complete is.
    const auto synced = ::syncfs(output_fd) == 0
                            ? Result<void>()
                            : std::unexpected(file_error("writing to the disk", errno));
    const auto& counts = decryption.counts();
    if (auto printed = print(command.json ? decrypted_json(counts) : counts_text(counts));
        !printed) {
        return printed;
    }
    if (!synced || counts.failures.empty()) {
        return synced;
    }
    return decryption.stopped() ? stop_of(counts) : failure_of(counts);
}

}  // namespace ecryptfs::cli
