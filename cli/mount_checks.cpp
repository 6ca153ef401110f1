// SPDX-License-Identifier: Apache-2.0

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "cli/agent_client.h"
#include "cli/key_location.h"
#include "cli/keyrings.h"
#include "cli/lower_file.h"
#include "cli/mount_plan.h"
#include "cli/tree_walk.h"
#include "lib/lower/cipher.h"
#include "lib/lower/encrypted_name.h"
#include "lib/wire/auth_token.h"

namespace ecryptfs::cli {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using base::Result;
using wire::KeySignature;

constexpr long kEcryptfsMagic = 0xf15f;  // include/uapi/linux/magic.h
constexpr std::uint64_t kSampledFiles = 50;

struct FoundKey {
    bool is_private = false;
    std::string locator = {};
};

Result<FoundKey> look_at_token(KeySerial serial) {
    const auto payload = read_token(serial);
    if (!payload) {
        return std::unexpected(payload.error());
    }
    const auto token = wire::parse_auth_token(payload->view());
    if (!token) {
        return std::unexpected(token.error());
    }
    const auto* key = std::get_if<wire::PrivateKeyToken>(&*token);
    if (key == nullptr) {
        return FoundKey{};
    }
    // Blobs of ecryptfs-utils hold a secret, and nothing that add-key takes.
    const std::string locator(base::as_text(key->blob));
    return FoundKey{true, canonical_uri(locator, true) == locator ? locator : ""};
}

Result<FoundKey> find_key(const KeySignature& signature) {
    const auto serial = request_token(signature);
    if (!serial && serial.error().code == ErrorCode::kUnknownKey &&
        request_token(signature, "encrypted")) {
        return FoundKey{};  // keystore.c: ecryptfs_get_encrypted_key; a passphrase's
    }
    return serial ? look_at_token(*serial) : std::unexpected(serial.error());
}

std::string how_to_add(const MountPlan& plan, const KeySignature& signature) {
    const auto known = plan.folder.locators.find(signature);
    if (known != plan.folder.locators.end()) {
        return fmt::format("ecryptfsctl add-key {}", display_name(known->second));
    }
    const auto& names = plan.folder.options.name_keys;
    return std::ranges::find(names, signature) != names.end()
               ? "ecryptfsctl add-passphrase --fnek"
               : "ecryptfsctl add-key FILE-OR-URI, or for a passphrase: ecryptfsctl add-passphrase";
}

Result<FoundKey> check_token(const MountPlan& plan, const KeySignature& signature) {
    auto found = find_key(signature);
    if (!found) {
        auto error = found.error();
        if (error.code == ErrorCode::kUnknownKey || error.code == ErrorCode::kKeyExpired ||
            error.code == ErrorCode::kKeyRevoked) {
            error.advice = how_to_add(plan, signature);
        }
        return std::unexpected(std::move(error));
    }
    return found;
}

// The kernel asks whoever holds the device for each file's key.
Result<void> check_agent(const std::vector<KeySignature>& keys, Objections& objections) {
    const auto agent = ask_agent();
    const auto ready = agent ? device_ready(agent->manager) : std::unexpected(agent.error());
    if (!ready) {
        return objections.raise(ready.error());
    }
    const auto& held_keys = agent->objects.keys;
    for (const auto& signature : keys) {
        const auto key = std::ranges::find(held_keys, signature.text(), &KeyState::signature);
        const auto held =
            key != held_keys.end()
                ? key_ready(*key)
                : std::unexpected(
                      Error{ErrorCode::kUnknownKey,
                            fmt::format("the agent does not have the key {}", signature.text()),
                            "add it again: ecryptfsctl add-key FILE-OR-URI"});
        if (const auto raised = held ? held : objections.raise(held.error()); !raised) {
            return raised;
        }
    }
    return {};
}

// What a few files of a folder say about all of them.
class Sample : public TreeVisitor {
  public:
    explicit Sample(std::string root) : root_(std::move(root)) {}

    bool enter_folder(const TreeEntry& folder) override {
        take_name(folder);
        return true;
    }
    void leave_folder(const TreeEntry&) override {}
    void visit(const TreeEntry& entry) override {
        take_name(entry);
        if (S_ISREG(entry.status.st_mode)) {
            ++files_;
            take_file(entry);
        }
    }
    void unreadable(const std::string&, const Error&) override {}
    bool stopped() const override { return files_ >= kSampledFiles; }

    // By signature, of files; several a file.
    std::map<KeySignature, std::uint64_t> keys;
    std::set<KeySignature> name_keys;
    const lower::Cipher* name_cipher = nullptr;  // of the last
    std::uint64_t encrypted = 0;
    std::uint64_t in_attribute = 0;
    std::vector<std::set<KeySignature>> ways;  // of each encrypted file
    std::string not_encrypted;                 // the first such file
    std::string plainly_named;                 // the first encrypted one

  private:
    // Itself or a folder of it, below the root.
    bool has_plain_name(const TreeEntry& entry) const {
        const auto names = fs::path(entry.path).lexically_relative(root_);
        return !std::ranges::all_of(
            names, [](const fs::path& name) { return lower::is_encrypted_name(name.native()); });
    }

    void take_name(const TreeEntry& entry) {
        if (const auto name = lower::parse_encrypted_name(entry.name);
            entry.path != root_ && lower::is_encrypted_name(entry.name) && name) {
            name_keys.insert(name->signature);
            name_cipher = lower::find_cipher(name->cipher_code);
        }
    }

    void take_file(const TreeEntry& entry) {
        const auto file = open_lower_file(entry.folder, entry.name);
        if (!file || file->empty()) {
            return;
        }
        if (!file->header) {
            not_encrypted = not_encrypted.empty() ? entry.path : not_encrypted;
            return;
        }
        if (plainly_named.empty() && has_plain_name(entry)) {
            plainly_named = entry.path;
        }
        ++encrypted;
        in_attribute += file->header_in_attribute ? 1 : 0;
        auto& signatures = ways.emplace_back();
        for (const auto& packet : file->header->packets) {
            signatures.insert(packet.signature);
        }
    }

    std::string root_;
    std::uint64_t files_ = 0;
};

std::string listed(const std::set<KeySignature>& signatures) {
    std::vector<std::string_view> texts;
    std::ranges::transform(signatures, std::back_inserter(texts), &KeySignature::text);
    return fmt::format("{}", fmt::join(texts, " or "));
}

std::string name_of(const lower::Cipher& cipher) {
    return cipher.smallest_key == cipher.largest_key
               ? fmt::format("{} of {} bits", cipher.name, 8 * cipher.smallest_key)
               : std::string(cipher.name);
}

// None of the files that were looked at would open, or not all.
Result<void> check_ways(const MountPlan& plan, const Sample& sample, Objections& objections) {
    std::uint64_t open = 0;
    std::set<KeySignature> others;
    for (const auto& way : sample.ways) {
        const bool opens = std::ranges::any_of(plan.folder.options.keys,
                                               [&](const auto& key) { return way.contains(key); });
        open += opens ? 1 : 0;
        if (!opens) {
            others.insert(way.begin(), way.end());
        }
    }
    if (open == sample.ways.size()) {
        return {};
    }
    if (open > 0) {
        objections.warn(
            fmt::format("of {} files in {} only {} are of these keys; the others want {}",
                        sample.ways.size(), plan.folder.lower, open, listed(others)));
        return {};
    }
    return objections.raise(
        {ErrorCode::kUnknownKey,
         fmt::format("none of these keys opens the files that are in {}", plan.folder.lower),
         fmt::format("--key {}", listed(others))});
}

// The kernel encrypts a name to look it up, as new ones (crypto.c), and since Linux 4.8 looks for
// no other (inode.c: ecryptfs_lookup): with another key or cipher it is another name.
Result<void> check_names(const MountPlan& plan, const Sample& sample, Objections& objections) {
    if (plan.encrypted_view) {
        return {};
    }
    const auto& options = plan.folder.options;
    const auto& lower = plan.folder.lower;
    const auto object = [&](std::string message, std::string advice) {
        return objections.raise(
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
    auto sizes = key_sizes_of(cipher->name);
    std::erase_if(sizes, [&](const auto size) { return !cipher->takes_key(size); });
    return object(
        fmt::format("names in {} are encrypted with {}, and would not be found", lower,
                    name_of(*cipher)),
        fmt::format("--cipher {} --key-bytes {}", cipher->name, fmt::join(sizes, " or ")));
}

Result<void> check_sample(const MountPlan& plan, const Sample& sample, Objections& objections) {
    const auto& options = plan.folder.options;
    if (!sample.not_encrypted.empty() && !options.passthrough) {
        if (auto raised = objections.raise(
                {ErrorCode::kInvalidArgument,
                 fmt::format("{} is not encrypted, and would not open", sample.not_encrypted),
                 "--passthrough, which shows such files as they are; an empty folder"});
            !raised) {
            return raised;
        }
    }
    if (sample.in_attribute > 0 && !options.xattr) {
        if (auto raised = objections.raise(
                {ErrorCode::kInvalidArgument,
                 fmt::format("files in {} have their headers in extended attributes",
                             plan.folder.lower),
                 "--xattr"});
            !raised) {
            return raised;
        }
    }
    if (auto fine = check_names(plan, sample, objections); !fine) {
        return fine;
    }
    return check_ways(plan, sample, objections);
}

Result<void> check_upper(const MountPlan& plan, Objections& objections) {
    const auto& upper = plan.folder.upper;
    for (const auto& mount : mounted_folders().value_or(std::vector<MountedFolder>{})) {
        if (mount.upper == upper) {
            return std::unexpected(Error{ErrorCode::kAlreadyExists,
                                         fmt::format("{} is mounted on {}", mount.lower, upper),
                                         fmt::format("sudo ecryptfsctl umount {}", upper)});
        }
    }
    std::error_code unreadable;
    if (upper != plan.folder.lower && !fs::is_empty(upper, unreadable) && !unreadable) {
        return objections.raise(
            {ErrorCode::kAlreadyExists,
             fmt::format("{} is not empty: the mount would hide what is in it", upper),
             "an empty folder"});
    }
    return {};
}

Result<void> check_file_system(const MountPlan& plan) {
    const auto& lower = plan.folder.lower;
    struct statfs below{};
    if (::statfs(lower.c_str(), &below) == 0 && below.f_type == kEcryptfsMagic) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     fmt::format("{} is on an eCryptfs mount itself", lower),
                                     "name the lower folder"});
    }
    if (plan.folder.options.xattr &&
        ::getxattr(lower.c_str(), lower::kHeaderAttribute, nullptr, 0) < 0 && errno == EOPNOTSUPP) {
        return std::unexpected(
            Error{ErrorCode::kNotSupported,
                  fmt::format("the file system of {} has no extended attributes of users", lower),
                  "leave --xattr out, or use a folder on ext4, XFS or Btrfs"});
    }
    return {};
}

}  // namespace

Result<void> check_keys(MountPlan& plan, Objections& objections) {
    std::vector<KeySignature> of_agent;
    for (const auto& signature : plan.folder.options.keys) {
        const auto found = check_token(plan, signature);
        if (!found) {
            return std::unexpected(found.error());
        }
        if (found->is_private) {
            of_agent.push_back(signature);
        }
        if (!found->locator.empty()) {
            plan.folder.locators[signature] = found->locator;
        }
    }
    for (const auto& signature : plan.folder.options.name_keys) {
        const auto found = check_token(plan, signature);
        if (!found) {
            return std::unexpected(found.error());
        }
        if (found->is_private) {
            return std::unexpected(
                Error{ErrorCode::kInvalidKey,
                      fmt::format("{} is a private key: eCryptfs encrypts names by passphrase only",
                                  signature.text()),
                      "ecryptfsctl add-passphrase --fnek, whose second line is for --fnek"});
        }
    }
    return of_agent.empty() ? Result<void>() : check_agent(of_agent, objections);
}

Result<void> check_folders(const MountPlan& plan, Objections& objections) {
    if (auto fine = check_file_system(plan); !fine) {
        return fine;
    }
    if (auto fine = check_upper(plan, objections); !fine) {
        return fine;
    }
    if (plan.is_known) {
        return {};
    }
    Sample sample(plan.folder.lower);
    walk_tree(plan.folder.lower, sample);
    return check_sample(plan, sample, objections);
}

}  // namespace ecryptfs::cli
