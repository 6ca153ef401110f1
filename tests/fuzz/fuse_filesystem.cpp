// SPDX-License-Identifier: Apache-2.0
//
// What ecryptfs-fuse does to a lower folder that somebody else changes as it likes, between any two
// requests. The input is a list of requests and changes. A file outside the folder says whether
// something got out.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fuse/filesystem.h"
#include "lib/lower/extent_cipher.h"
#include "lib/lower/header_writer.h"
#include "tests/fuzz/check.h"

namespace ecryptfs::fuzz {
namespace {

namespace fs = std::filesystem;
using fuse::NodeId;

constexpr std::string_view kOutside = "what is outside of the folder";
constexpr rlim_t kLargestWrite = 128 << 10;
constexpr auto kPlainNames =
    std::to_array<std::string_view>({"a", "b", "c", "folder", "d", "a name that is rather long"});

lower::PassphraseKey fixed_key(std::string_view signature) {
    const std::vector<std::uint8_t> bytes(64, static_cast<std::uint8_t>(signature.front()));
    return {base::value_or_throw(wire::KeySignature::from_text(signature)),
            base::value_or_throw(base::SecretBytes::copy(bytes)), lower::kDefaultSalt};
}

constexpr std::string_view kContents = "aaaaaaaaaaaaaaaa";
constexpr std::string_view kNames = "bbbbbbbbbbbbbbbb";

class NoPrivateKeys : public fuse::PrivateKeys {
  public:
    base::Result<base::SecretBytes> decrypt(const wire::KeySignature& /*signature*/,
                                            base::ByteView /*encrypted_fek*/) override {
        return std::unexpected(base::Error{base::ErrorCode::kUnknownKey, "no private keys"});
    }
    base::Result<base::SecretBytes> encrypt(const wire::KeySignature& signature,
                                            base::ByteView file_key) override {
        return decrypt(signature, file_key);
    }
};

// A mount's options and keys; the same for all inputs.
struct MountWays {
    explicit MountWays(bool encrypts_names) {
        options.keys = {base::value_or_throw(wire::KeySignature::from_text(kContents))};
        if (encrypts_names) {
            options.name_keys = {base::value_or_throw(wire::KeySignature::from_text(kNames))};
        }
        keys = base::value_or_throw(fuse::MountKeys::load(
            options, [](const auto& signature) { return fixed_key(signature.text()); }, none));
        const auto file = keys->make_file().value();
        inside = lower_file(file, "what is in the folder");
        outside = lower_file(file, kOutside);
    }

    static std::string lower_file(const fuse::NewFile& file, std::string_view text) {
        std::string lower(base::as_text(file.header));
        auto cipher = base::value_or_throw(lower::ExtentCipher::create(file.key));
        std::vector<std::uint8_t> extent(lower::kExtentSize);
        std::ranges::copy(text, extent.begin());
        base::value_or_throw(cipher.encrypt(0, extent));
        lower += base::as_text(extent);
        std::ranges::copy(lower::encode_plain_size(text.size()), lower.begin());
        return lower;
    }

    mount::FolderOptions options;
    NoPrivateKeys none;
    std::unique_ptr<fuse::MountKeys> keys;
    std::string inside;   // whole lower files
    std::string outside;  // this one says kOutside
};

const MountWays& ways(bool encrypts_names) {
    static const MountWays with(true);
    static const MountWays without(false);
    return encrypts_names ? with : without;
}

// Bytes of the input; zeros behind its end.
class Choices {
  public:
    explicit Choices(base::ByteView input) : reader_(input) {}

    bool is_at_end() const { return reader_.left().empty(); }
    std::uint8_t byte() { return reader_.take_big_endian<std::uint8_t>().value_or(0); }
    std::uint16_t two() { return reader_.take_big_endian<std::uint16_t>().value_or(0); }
    std::size_t below(std::size_t end) { return byte() % end; }
    // Of every order of magnitude.
    std::uint64_t number() {
        const auto value = std::uint64_t{two()};
        return value << below(49);
    }
    std::string text() {
        const auto size = std::min<std::size_t>(byte(), reader_.left().size());
        const auto bytes = reader_.take(size);
        return bytes ? std::string(base::as_text(*bytes)) : std::string();
    }

  private:
    base::ByteReader reader_;
};

// Files may be made that are larger than what may be written.
class Limit {
  public:
    static void set(rlim_t size) {
        rlimit limit{};
        ::getrlimit(RLIMIT_FSIZE, &limit);
        limit.rlim_cur = std::min(size, limit.rlim_max);
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
};

// The lower folder, and beside it what must stay as it is.
class Place {
  public:
    explicit Place(const MountWays& way) : way_(way) {
        static const fs::path parent =
            fs::exists("/dev/shm") ? "/dev/shm" : fs::temp_directory_path();
        auto pattern = (parent / "fuzz-fuse-XXXXXX").string();
        require(::mkdtemp(pattern.data()) != nullptr, "there is a folder for temporary files");
        base_ = pattern;
        fs::create_directory(lower());
        write(outside(), way_.outside);
        require(::lstat(outside().c_str(), &before_) == 0, "it is there");
        fd_.reset(::open(lower().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
        Limit::set(RLIM_INFINITY);
        std::error_code ignored;
        fs::permissions(lower(), fs::perms::owner_all, ignored);
        fs::remove_all(base_, ignored);
    }

    fs::path lower() const { return base_ / "lower"; }
    fs::path outside() const { return base_ / "outside"; }
    base::UniqueFd root() const { return base::UniqueFd(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0)); }

    void check() const {
        struct stat after{};
        require(::lstat(outside().c_str(), &after) == 0 && after.st_ino == before_.st_ino &&
                    after.st_size == before_.st_size && after.st_mode == before_.st_mode &&
                    after.st_nlink == before_.st_nlink &&
                    after.st_ctim.tv_sec == before_.st_ctim.tv_sec &&
                    after.st_ctim.tv_nsec == before_.st_ctim.tv_nsec,
                "what is outside stays as it is");
        require(std::distance(fs::directory_iterator(base_), fs::directory_iterator()) == 2,
                "nothing new is outside");
    }

    // One change by somebody else.
    void change(Choices& choices);

  private:
    static void write(const fs::path& path, const std::string& bytes) {
        const base::UniqueFd fd(
            ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                   0600));
        static_cast<void>(::write(fd.get(), bytes.data(), bytes.size()));
    }
    std::string lower_name(std::string_view plain) const {
        return base::value_or_throw(way_.keys->encrypt_name(plain));
    }
    // In the lower folder, or in one that is in it.
    fs::path some_path(Choices& choices) {
        const auto kind = choices.byte();
        std::string name = lower_name(kPlainNames[kind % kPlainNames.size()]);
        if (kind >= 250) {
            name = lower_name(
                std::to_array<std::string_view>({"..", ".", "a/b", "/", "../x"})[choices.below(5)]);
        } else if (kind >= 230) {
            name[choices.byte() % name.size()] ^= static_cast<char>(1 + choices.below(31));
        }
        std::ranges::replace(name, '/', '-');
        if (name == "." || name == "..") {
            name += "-";
        }
        const auto folder = lower() / lower_name("folder");
        const bool is_deeper = (kind & 0x40) != 0 && fs::is_directory(fs::symlink_status(folder));
        return is_deeper ? folder / name : lower() / name;
    }
    std::string some_target(Choices& choices) {
        switch (choices.below(7)) {
            case 0:
                return outside();
            case 1:
                return "../outside";
            case 2:
                return lower_name("../../outside");
            case 3:
                return lower_name(std::string(choices.byte() + 1U, '/'));
            case 4:
                return "..";
            case 5:
                return lower_name("a");
            default:
                return choices.text() + "x";
        }
    }
    std::string some_file(Choices& choices) {
        auto bytes = way_.inside;
        for (auto count = choices.below(5); count > 0; --count) {
            const std::size_t at = choices.two() % bytes.size();
            bytes[at] = static_cast<char>(choices.byte());
        }
        bytes.resize(std::min<std::uint64_t>(bytes.size(), choices.two()));
        return bytes;
    }

    const MountWays& way_;
    fs::path base_;
    base::UniqueFd fd_;
    struct stat before_{};
};

void Place::change(Choices& choices) {
    const auto path = some_path(choices);
    const auto* const name = path.c_str();
    Limit::set(RLIM_INFINITY);
    switch (choices.below(13)) {
        case 0:
            write(path, way_.inside);
            break;
        case 1:
            ::unlink(name);
            write(path, some_file(choices));
            break;
        case 2:
            ::mkdir(name, 0700);
            break;
        case 3:
            ::unlink(name);
            static_cast<void>(::symlink(some_target(choices).c_str(), name));
            break;
        case 4:
            ::unlink(name);
            ::mknod(name, (choices.byte() % 2 == 0 ? S_IFIFO : S_IFSOCK) | 0600, 0);
            break;
        case 5:
            if (fs::is_regular_file(fs::symlink_status(path))) {
                static_cast<void>(::truncate(name, static_cast<off_t>(choices.number())));
            }
            break;
        case 6:
            ::renameat2(AT_FDCWD, name, AT_FDCWD, some_path(choices).c_str(),
                        choices.byte() % 2 == 0 ? RENAME_EXCHANGE : 0);
            break;
        case 7:
            ::remove(name);
            break;
        case 8:
            ::lsetxattr(name, lower::kHeaderAttribute, way_.inside.data(), choices.byte(), 0);
            break;
        case 9:
            if (fs::is_regular_file(fs::symlink_status(path))) {
                const base::UniqueFd fd(::open(name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
                const auto text = choices.text();
                static_cast<void>(
                    ::pwrite(fd.get(), text.data(), text.size(), choices.two() % 16'384));
            }
            break;
        case 10:
            static_cast<void>(::link(name, some_path(choices).c_str()));
            break;
        case 11:
            if (!fs::is_symlink(fs::symlink_status(path))) {
                ::chmod(name, choices.two() & 07777);
            }
            break;
        default:
            fs::rename(lower(), lower().string() + "-moved");
            fs::rename(lower().string() + "-moved", lower());
    }
    Limit::set(kLargestWrite);
}

// The kernel's part: it knows what it was given and gives back no more.
class Requests {
  public:
    Requests(Place& place, const MountWays& way)
        : files_(place.root(), *way.keys, way.options), ids_{{fuse::NodeTable::kRoot, {}}} {}
    Requests(const Requests&) = delete;
    Requests& operator=(const Requests&) = delete;
    ~Requests() {
        for (const auto& [id, known] : ids_) {
            for (auto opens = known.opens; opens > 0; --opens) {
                static_cast<void>(files_.close(id));
            }
            if (id != fuse::NodeTable::kRoot) {
                files_.forget(id, known.lookups);
            }
        }
    }

    void ask(Choices& choices);

  private:
    struct Known {
        std::uint64_t lookups = 0;
        std::uint64_t opens = 0;
    };

    template <typename T>
    static bool is_good(const fuse::Outcome<T>& outcome) {
        require(outcome || outcome.error() > 0, "an error is an errno");
        return outcome.has_value();
    }
    NodeId some_id(Choices& choices) {
        const auto chosen = choices.below(ids_.size() + 1);
        return chosen == ids_.size() ? choices.two()
                                     : std::next(ids_.begin(), static_cast<long>(chosen))->first;
    }
    static std::string_view some_name(Choices& choices) {
        return kPlainNames[choices.below(kPlainNames.size())];
    }
    void keep(const fuse::Outcome<fuse::FoundNode>& found, bool is_open = false) {
        if (!is_good(found)) {
            return;
        }
        require(found->status.st_size >= 0, "a size is not negative");
        auto& known = ids_[found->id];
        ++known.lookups;
        known.opens += is_open ? 1 : 0;
    }
    void forget(Choices& choices);
    void close(Choices& choices);
    void read(NodeId id, std::uint64_t offset);
    void list(NodeId id);
    void ask_for_contents(Choices& choices, NodeId id);
    void ask_for_attributes(Choices& choices, NodeId id);
    void ask_for_names(Choices& choices, NodeId id);

    fuse::Filesystem files_;
    std::map<NodeId, Known> ids_;
};

void Requests::forget(Choices& choices) {
    const auto id = some_id(choices);
    const auto found = ids_.find(id);
    if (found != ids_.end() && id != fuse::NodeTable::kRoot && found->second.opens == 0) {
        files_.forget(id, found->second.lookups);
        ids_.erase(found);
    }
}

void Requests::close(Choices& choices) {
    const auto id = some_id(choices);
    const auto found = ids_.find(id);
    if (found != ids_.end() && found->second.opens > 0) {
        --found->second.opens;
        static_cast<void>(is_good(files_.close(id)));
    }
}

void Requests::read(NodeId id, std::uint64_t offset) {
    constexpr std::size_t kSize = 20'000;
    const auto bytes = files_.read(id, offset, kSize);
    if (is_good(bytes)) {
        require(bytes->size() <= kSize, "no more is read than is asked for");
        require(base::as_text(*bytes).find(kOutside) == std::string_view::npos,
                "nothing is read that is outside");
    }
}

void Requests::list(NodeId id) {
    auto stream = files_.open_folder(id);
    if (!is_good(stream)) {
        return;
    }
    off_t offset = 0;
    for (int count = 0; count < 1000; ++count) {
        const auto entry = files_.entry_at(*stream, offset);
        if (!is_good(entry) || !*entry) {
            return;
        }
        const auto& name = (*entry)->name;
        require(!name.empty() && name.find('/') == std::string::npos &&
                    name.find('\0') == std::string::npos,
                "what is listed is a name");
        offset = (*entry)->next;
    }
    require(false, "a folder has an end");
}

void Requests::ask_for_contents(Choices& choices, NodeId id) {
    switch (choices.below(6)) {
        case 0:
            if (is_good(files_.open(
                    id, std::to_array({O_RDONLY, O_WRONLY, O_RDWR})[choices.below(3)]))) {
                ++ids_[id].opens;
            }
            break;
        case 1:
        case 2:
            read(id, choices.number());
            break;
        case 3: {
            const std::string text(choices.two(), 'w');
            static_cast<void>(is_good(
                files_.write(id, choices.number(), base::as_bytes(text), choices.byte() % 2 == 0)));
            break;
        }
        case 4:
            static_cast<void>(is_good(files_.sync(id, choices.byte() % 2 == 0)));
            break;
        default:
            files_.drop_contents();
    }
}

void Requests::ask_for_attributes(Choices& choices, NodeId id) {
    std::array<std::uint8_t, 300> value{};
    fuse::AttributeChange change;
    const auto* const name = choices.byte() % 2 == 0 ? lower::kHeaderAttribute : "user.other";
    switch (choices.below(7)) {
        case 0:
            static_cast<void>(is_good(files_.status(id)));
            break;
        case 1:
            change.size = choices.number();
            static_cast<void>(is_good(files_.change(id, change)));
            break;
        case 2:
            change.mode = choices.two();
            change.modified_at = timespec{choices.two(), 0};
            static_cast<void>(is_good(files_.change(id, change)));
            break;
        case 3:
            static_cast<void>(is_good(files_.get_attribute(id, name, value)));
            break;
        case 4:
            if (const auto names = files_.list_attributes(id); is_good(names)) {
                require(std::string(names->begin(), names->end()).find(lower::kHeaderAttribute) ==
                            std::string::npos,
                        "the header's attribute is hidden");
            }
            break;
        case 5:
            static_cast<void>(is_good(files_.set_attribute(id, name, value, 0)));
            break;
        default:
            static_cast<void>(is_good(files_.remove_attribute(id, name)));
    }
}

void Requests::ask_for_names(Choices& choices, NodeId id) {
    const auto name = some_name(choices);
    switch (choices.below(11)) {
        case 0:
        case 1:
        case 2:
            keep(files_.look_up(id, name));
            break;
        case 3:
            keep(files_.create(id, name, 0600, O_RDWR | (choices.byte() % 2 == 0 ? O_EXCL : 0)),
                 true);
            break;
        case 4:
            keep(files_.make_folder(id, name, 0700));
            break;
        case 5:
            keep(files_.make_link(id, name, choices.text()));
            break;
        case 6:
            keep(files_.make_hard_link(some_id(choices), id, name));
            break;
        case 7:
            keep(files_.make_special(id, name, choices.byte() % 2 == 0 ? S_IFIFO : S_IFREG, 0));
            break;
        case 8:
            static_cast<void>(is_good(files_.remove(id, name, choices.byte() % 2 == 0)));
            break;
        case 9:
            static_cast<void>(is_good(files_.rename(id, name, some_id(choices), some_name(choices),
                                                    static_cast<unsigned>(choices.below(4)))));
            break;
        default:
            static_cast<void>(is_good(files_.read_link(id)));
    }
}

void Requests::ask(Choices& choices) {
    const auto id = some_id(choices);
    switch (choices.below(12)) {
        case 0:
        case 1:
        case 2:
        case 3:
            ask_for_names(choices, id);
            break;
        case 4:
        case 5:
        case 6:
            ask_for_contents(choices, id);
            break;
        case 7:
            ask_for_attributes(choices, id);
            break;
        case 8:
            list(id);
            break;
        case 9:
            static_cast<void>(is_good(files_.statistics(id)));
            static_cast<void>(is_good(files_.sync_folder(id)));
            break;
        case 10:
            close(choices);
            break;
        default:
            forget(choices);
    }
}

}  // namespace

void try_input(base::ByteView input) {
    ::signal(SIGXFSZ, SIG_IGN);
    Choices choices(input);
    const auto& way = ways(choices.byte() % 2 == 0);
    Place place(way);
    {
        Limit::set(kLargestWrite);
        Requests requests(place, way);
        while (!choices.is_at_end()) {
            if (choices.byte() % 3 == 0) {
                place.change(choices);
            } else {
                requests.ask(choices);
            }
        }
    }
    Limit::set(RLIM_INFINITY);
    place.check();
}

}  // namespace ecryptfs::fuzz
