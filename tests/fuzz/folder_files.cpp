// SPDX-License-Identifier: Apache-2.0
//
// What `ecryptfsctl mount` and `umount` read of a user: the first byte says as which kind of file.

#include "cli/ask/pinentry.h"
#include "cli/mount/mounted_folder.h"
#include "cli/mount/remembered_folder.h"
#include "cli/mount/utils_files.h"
#include "tests/fuzz/check.h"

namespace ecryptfs::fuzz {
namespace {

void try_options(const cli::FolderOptions& options) {
    const auto text = cli::kernel_options(options);
    require(text.find('\n') == std::string::npos || options.cipher.find('\n') != std::string::npos,
            "options are one line");
    for (const auto& key : options.keys) {
        require(text.find(key.text()) != std::string::npos, "each key is an option");
    }
}

void try_remembered(std::string_view text) {
    const auto folders = cli::parse_remembered(text);
    if (!folders) {
        require(!folders.error().message.empty(), "refused with a reason");
        return;
    }
    const auto written = cli::remembered_text(*folders);
    require(written.has_value(), "what was read can be written");
    const auto again = cli::parse_remembered(*written);
    require(again && again->size() == folders->size(), "what was remembered is read again");
}

// The first line is the key of contents, whatever the others are.
void try_key_lines(std::string_view text) {
    const auto keys = cli::parse_key_lines(text);
    require(keys || keys.error().message.starts_with("line "), "the error says where");
    require(!keys || text.substr(0, text.find('\n')).contains(keys->contents.text()),
            "the first line is the key of contents");
}

}  // namespace

void try_input(base::ByteView input) {
    if (input.empty()) {
        return;
    }
    const auto text = base::as_text(input.subspan(1));
    switch (input.front()) {
        case 'm':
            for (const auto& mount : cli::parse_mount_table(text)) {
                try_options(mount.options);
            }
            break;
        case 'f':
            if (const auto mount = cli::parse_fuse_command(text)) {
                try_options(mount->options);
                require(text.contains(mount->lower) && text.contains(mount->upper),
                        "the folders are words of it");
            }
            break;
        case 'r':
            try_options(cli::parse_ecryptfsrc(text).options);
            break;
        case 'c':
            if (const auto folder = cli::parse_utils_conf(text)) {
                try_options(folder->mount_options.options);
            }
            break;
        case 's':
            require(cli::parse_signature_cache(text).size() <= text.size() / 16,
                    "of 16 digits each");
            try_key_lines(text);
            break;
        case 'p':
            if (const auto path = cli::parse_mount_point(text)) {
                require(path->starts_with('/'), "an absolute path");
            }
            break;
        case 'j':
            try_remembered(text);
            break;
        case 'e':
            require(cli::unescaped_field(cli::escaped_field(text)) == text, "comes back");
            break;
        default:
            static_cast<void>(cli::unescaped_data(input.subspan(1)));
    }
}

}  // namespace ecryptfs::fuzz
