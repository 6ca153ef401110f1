// SPDX-License-Identifier: Apache-2.0
//
// Compares the contents of a lower folder with the options of a planned mount.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "cli/files/plain_path.h"
#include "cli/mount/plan.h"
#include "lib/base/try.h"
#include "lib/keyring/passphrase_key.h"
#include "lib/lower/encrypted_name.h"
#include "lib/lowerfs/file_key_set.h"
#include "lib/lowerfs/lower_file.h"
#include "lib/lowerfs/tree_walk.h"
#include "lib/wire/cipher.h"

namespace ecryptfs::cli {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using base::Result;
using wire::KeySignature;

constexpr std::uint64_t kSampledFiles = 50;

// What some files of a folder tell about all of them.
class Sample : public lowerfs::TreeVisitor {
  public:
    explicit Sample(std::string root) : root_(std::move(root)) {}

    bool enter_folder(const lowerfs::TreeEntry& folder) override {
        take_name(folder);
        return true;
    }
    void leave_folder(const lowerfs::TreeEntry&) override {}
    void visit(const lowerfs::TreeEntry& entry) override {
        take_name(entry);
        if (S_ISREG(entry.status.st_mode)) {
            ++files_;
            take_file(entry);
        }
    }
    void unreadable(const std::string&, const Error&) override {}
    bool stopped() const override { return files_ >= kSampledFiles; }

    // How many files have a packet for the key; a file may have several.
    std::map<KeySignature, std::uint64_t> keys;
    std::set<KeySignature> name_keys;
    const wire::Cipher* name_cipher = nullptr;  // of the last name
    std::uint64_t encrypted = 0;
    std::uint64_t in_attribute = 0;
    std::vector<std::set<KeySignature>> file_keys;  // of each encrypted file
    std::string not_encrypted;                      // the first such file
    std::string plainly_named;                      // the first encrypted file with a plain name

  private:
    // Whether its name, or that of a folder of it below the root, is not encrypted.
    bool has_plain_name(const lowerfs::TreeEntry& entry) const {
        const auto names = fs::path(entry.path).lexically_relative(root_);
        return !std::ranges::all_of(
            names, [](const fs::path& name) { return lower::is_encrypted_name(name.native()); });
    }

    void take_name(const lowerfs::TreeEntry& entry) {
        if (const auto name = lower::parse_encrypted_name(entry.name);
            entry.path != root_ && lower::is_encrypted_name(entry.name) && name) {
            name_keys.insert(name->signature);
            name_cipher = wire::find_cipher(name->cipher_code);
        }
    }

    void take_file(const lowerfs::TreeEntry& entry) {
        const auto file = lowerfs::open_lower_file(entry.folder, entry.name);
        if (!file || file->empty()) {
            return;
        }
        if (!file->header) {
            not_encrypted = not_encrypted.empty() ? shown_path(names_, entry.path) : not_encrypted;
            return;
        }
        if (plainly_named.empty() && has_plain_name(entry)) {
            plainly_named = shown_path(names_, entry.path);
        }
        ++encrypted;
        in_attribute += file->header_in_attribute ? 1 : 0;
        auto& signatures = file_keys.emplace_back();
        for (const auto& packet : file->header->packets) {
            signatures.insert(packet.signature);
        }
    }

    std::string root_;
    lowerfs::FileKeySet names_{nullptr, keyring::find_passphrase_key};
    std::uint64_t files_ = 0;
};

std::string listed(const std::set<KeySignature>& signatures) {
    std::vector<std::string_view> texts;
    std::ranges::transform(signatures, std::back_inserter(texts), &KeySignature::text);
    return fmt::format("{}", fmt::join(texts, " or "));
}

std::string cipher_text(const wire::Cipher& cipher) {
    return cipher.smallest_key == cipher.largest_key
               ? fmt::format("{} of {} bits", cipher.name, 8 * cipher.smallest_key)
               : std::string(cipher.name);
}

// Finds files that these keys do not open.
Result<void> check_file_keys(const MountPlan& plan, const Sample& sample, CheckFindings& findings) {
    std::uint64_t open = 0;
    std::set<KeySignature> others;
    for (const auto& way : sample.file_keys) {
        const bool opens = std::ranges::any_of(plan.folder.options.keys,
                                               [&](const auto& key) { return way.contains(key); });
        open += opens ? 1 : 0;
        if (!opens) {
            others.insert(way.begin(), way.end());
        }
    }
    if (open == sample.file_keys.size()) {
        return {};
    }
    if (open > 0) {
        findings.add_warning(
            fmt::format("of {} files in {} only {} open with these keys; the others want {}",
                        sample.file_keys.size(), plan.folder.lower, open, listed(others)));
        return {};
    }
    return findings.add_problem(
        {ErrorCode::kUnknownKey,
         fmt::format("none of these keys opens the files that are in {}", plan.folder.lower),
         fmt::format("--key {}", listed(others))});
}

// The kernel encrypts a name to look it up, like a new one (crypto.c). Since Linux 4.8 it looks for
// no other (inode.c: ecryptfs_lookup). So with another key or cipher it looks for another name.
Result<void> check_names(const MountPlan& plan, const Sample& sample, CheckFindings& findings) {
    if (plan.encrypted_view) {
        return {};
    }
    const auto& options = plan.folder.options;
    const auto& lower = plan.folder.lower;
    const auto object = [&](std::string message, std::string advice) {
        return findings.add_problem(
            {ErrorCode::kInvalidArgument, std::move(message), std::move(advice)});
    };
    auto others = sample.name_keys;
    std::ranges::for_each(options.name_keys, [&](const auto& key) { others.erase(key); });
    if (!others.empty()) {
        const auto what = options.name_keys.empty() ? "encrypted, and would stay so"
                                                    : "encrypted with another key, and would not "
                                                      "be found";
        if (auto raised = object(fmt::format("names in {} are {}", lower, what),
                                 fmt::format("--fnek {}", listed(others)));
            !raised) {
            return raised;
        }
    }
    if (!options.name_keys.empty() && !sample.plainly_named.empty()) {
        if (auto raised =
                object(fmt::format("the name of {} is not encrypted, and would not be found",
                                   sample.plainly_named),
                       "leave --fnek out (--fresh, if it is remembered), or use an empty folder");
            !raised) {
            return raised;
        }
    }
    const auto* cipher = sample.name_cipher;
    if (cipher == nullptr ||
        (cipher->name == options.cipher && cipher->takes_key(options.key_bytes))) {
        return {};
    }
    auto sizes = wire::key_sizes(cipher->name);
    std::erase_if(sizes, [&](const auto size) { return !cipher->takes_key(size); });
    return object(
        fmt::format("names in {} are encrypted with {}, and would not be found", lower,
                    cipher_text(*cipher)),
        fmt::format("--cipher {} --key-bytes {}", cipher->name, fmt::join(sizes, " or ")));
}

Result<void> check_sample(const MountPlan& plan, const Sample& sample, CheckFindings& findings) {
    const auto& options = plan.folder.options;
    if (!sample.not_encrypted.empty() && !options.passthrough) {
        if (auto raised = findings.add_problem(
                {ErrorCode::kInvalidArgument,
                 fmt::format("{} is not encrypted, and would not open", sample.not_encrypted),
                 "--passthrough, which shows such files as they are; or name an empty folder"});
            !raised) {
            return raised;
        }
    }
    if (sample.in_attribute > 0 && !options.xattr) {
        if (auto raised = findings.add_problem(
                {ErrorCode::kInvalidArgument,
                 fmt::format("files in {} have their headers in extended attributes",
                             plan.folder.lower),
                 "--xattr"});
            !raised) {
            return raised;
        }
    }
    TRY(check_names(plan, sample, findings));
    return check_file_keys(plan, sample, findings);
}

}  // namespace

Result<void> check_contents(const MountPlan& plan, CheckFindings& findings) {
    Sample sample(plan.folder.lower);
    lowerfs::walk_tree(plan.folder.lower, sample);
    return check_sample(plan, sample, findings);
}

}  // namespace ecryptfs::cli
