// SPDX-License-Identifier: Apache-2.0

#include "lib/pki/module.h"

#include <dlfcn.h>
#include <ecryptfs_pki_module.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <filesystem>

#include "pki-modules/abi/error_status.h"

namespace ecryptfs::pki {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

static_assert(std::to_underlying(KeyUse::kPublic) == ECRYPTFS_PKI_USE_PUBLIC);
static_assert(std::to_underlying(KeyUse::kPrivate) == ECRYPTFS_PKI_USE_PRIVATE);
static_assert(std::to_underlying(ItemKind::kTokens) == ECRYPTFS_PKI_TOKENS);
static_assert(std::to_underlying(ItemKind::kKeys) == ECRYPTFS_PKI_KEYS);
static_assert(std::to_underlying(PublicKeyKind::kP256) == ECRYPTFS_PKI_P256);
static_assert(std::to_underlying(PublicKeyKind::kP384) == ECRYPTFS_PKI_P384);
static_assert(std::to_underlying(PublicKeyKind::kX25519) == ECRYPTFS_PKI_X25519);
static_assert(std::to_underlying(OaepDigest::kSha1) == ECRYPTFS_PKI_OAEP_SHA1);
static_assert(std::to_underlying(OaepDigest::kSha256) == ECRYPTFS_PKI_OAEP_SHA256);
static_assert(point_size(PublicKeyKind::kP384) == ECRYPTFS_PKI_MAX_POINT);
static_assert(shared_secret_size(PublicKeyKind::kP384) == ECRYPTFS_PKI_MAX_SHARED);
static_assert(kMaxLocator < ECRYPTFS_PKI_MAX_LOCATOR);

template <std::size_t kSize>
std::string bounded_text(const char (&text)[kSize]) {
    return {text, ::strnlen(text, kSize)};
}

Error status_error(ecryptfs_pki_status status, const ecryptfs_pki_error& error) {
    auto message = bounded_text(error.message);
    if (message.empty()) {
        message =
            fmt::format("the PKI module gave status {} and no reason", std::to_underlying(status));
    }
    return {error_from_status(status), std::move(message), bounded_text(error.advice)};
}

std::string_view bounded_text(const char* text, std::size_t limit) {
    return text == nullptr ? std::string_view() : std::string_view(text).substr(0, limit);
}

// ecryptfs_pki_take_item, with a std::function as context.
void take_item(void* context, const ecryptfs_pki_item* item) {
    Item found{0, bounded_text(item->uri, kMaxLocator), bounded_text(item->label, kMaxText), {}};
    for (std::size_t i = 0; i < std::min(item->property_count, kMaxProperties); ++i) {
        found.properties.push_back({bounded_text(item->properties[i].name, kMaxText),
                                    bounded_text(item->properties[i].value, kMaxText)});
    }
    (*static_cast<const std::function<void(const Item&)>*>(context))(found);
}

// A secret as the ABI takes it. Views the same bytes.
class AbiSecret {
  public:
    explicit AbiSecret(const base::SecretEntry& entry) {
        if (const auto bytes = base::secret_bytes(entry)) {
            secret_ = ecryptfs_pki_secret{bytes->data(), bytes->size()};
        }
    }
    const ecryptfs_pki_secret* get() const { return secret_ ? &*secret_ : nullptr; }

  private:
    std::optional<ecryptfs_pki_secret> secret_;
};

Error missing_function(std::string_view module, std::string_view what) {
    return {ErrorCode::kNotSupported, fmt::format("the PKI module {} cannot {}", module, what)};
}

// A kind that does not exist becomes one that suits no point.
PublicKeyKind described_kind(const ecryptfs_pki_description& description) {
    switch (description.curve) {
        case ECRYPTFS_PKI_P256:
            return PublicKeyKind::kP256;
        case ECRYPTFS_PKI_P384:
            return PublicKeyKind::kP384;
        case ECRYPTFS_PKI_X25519:
            return PublicKeyKind::kX25519;
        case ECRYPTFS_PKI_NO_CURVE:
            break;
    }
    return PublicKeyKind::kRsa;
}

template <std::size_t kRoom>
std::vector<std::uint8_t> bounded_bytes(const std::uint8_t (&bytes)[kRoom], std::size_t size) {
    return {bytes, bytes + std::min(size, kRoom)};
}

PublicKey described_key(const ecryptfs_pki_description& description) {
    return {described_kind(description),
            bounded_bytes(description.modulus, description.modulus_size),
            bounded_bytes(description.exponent, description.exponent_size),
            bounded_bytes(description.point, description.point_size)};
}

// What an operation wrote, if the module says so.
Result<base::ByteView> written_part(ecryptfs_pki_status status, const ecryptfs_pki_error& error,
                                    base::ByteView output, std::size_t size) {
    if (status != ECRYPTFS_PKI_OK) {
        return std::unexpected(status_error(status, error));
    }
    if (size > output.size()) {
        return std::unexpected(Error{ErrorCode::kModuleFailed,
                                     "the PKI module wrote more than it was given room for"});
    }
    return output.first(size);
}

// Since when the table has an operation. A shorter table has other things there.
constexpr std::uint32_t kFolderKeyVersion = 4;

Error unusable(const std::string& path, std::string_view why) {
    return {ErrorCode::kModuleFailed, fmt::format("PKI module {}: {}", path, why),
            "install the module anew, in the version of the agent"};
}

}  // namespace

ModuleKey::~ModuleKey() {
    module_.close(key_);
}

Result<KeyDescription> ModuleKey::describe() const {
    ecryptfs_pki_description description{};
    ecryptfs_pki_error error{};
    const auto status = module_.describe(key_, &description, &error);
    if (status != ECRYPTFS_PKI_OK) {
        return std::unexpected(status_error(status, error));
    }
    return KeyDescription{described_key(description), bounded_text(description.warning),
                          bounded_text(description.locator)};
}

Result<base::ByteView> ModuleKey::run(base::FileKeyOperation action, base::ByteView input,
                                      base::ByteSpan output) const {
    const auto function =
        action == base::FileKeyOperation::kEncrypt ? module_.encrypt : module_.decrypt;
    ecryptfs_pki_error error{};
    std::size_t size = output.size();
    const auto status = function(key_, input.data(), input.size(), output.data(), &size, &error);
    return written_part(status, error, output, size);
}

Result<base::ByteView> ModuleKey::decrypt_oaep(OaepDigest digest, base::ByteView input,
                                               base::ByteSpan output) const {
    if (module_.abi_version < kFolderKeyVersion || module_.decrypt_oaep == nullptr) {
        return std::unexpected(missing_function(module_.name, "unwrap content keys"));
    }
    ecryptfs_pki_error error{};
    std::size_t size = output.size();
    const auto status =
        module_.decrypt_oaep(key_, ecryptfs_pki_oaep_hash{std::to_underlying(digest)}, input.data(),
                             input.size(), output.data(), &size, &error);
    return written_part(status, error, output, size);
}

Result<base::ByteView> ModuleKey::derive(base::ByteView peer, base::ByteSpan output) const {
    if (module_.abi_version < kFolderKeyVersion || module_.derive == nullptr) {
        return std::unexpected(missing_function(module_.name, "do ECDH"));
    }
    ecryptfs_pki_error error{};
    std::size_t size = output.size();
    const auto status =
        module_.derive(key_, peer.data(), peer.size(), output.data(), &size, &error);
    return written_part(status, error, output, size);
}

Result<Module> Module::load(const std::string& path) {
    if (::access(path.c_str(), F_OK) != 0) {
        return std::unexpected(Error{ErrorCode::kUnknownModule,
                                     fmt::format("there is no PKI module {}", path),
                                     "check the name, or install the package that has it"});
    }
    void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        return std::unexpected(unusable(path, ::dlerror()));
    }
    const auto get_module = reinterpret_cast<ecryptfs_pki_get_module_function>(
        ::dlsym(library, "ecryptfs_pki_get_module"));
    if (get_module == nullptr) {
        return std::unexpected(unusable(path, "does not export ecryptfs_pki_get_module"));
    }
    const auto* const module = get_module();
    if (module == nullptr) {
        return std::unexpected(unusable(path, "says that it cannot work here"));
    }
    if (module->abi_version < ECRYPTFS_PKI_OLDEST_ABI_VERSION ||
        module->abi_version > ECRYPTFS_PKI_ABI_VERSION) {
        return std::unexpected(unusable(
            path, fmt::format("has ABI version {}, this host has {} to {}", module->abi_version,
                              ECRYPTFS_PKI_OLDEST_ABI_VERSION, ECRYPTFS_PKI_ABI_VERSION)));
    }
    if (std::filesystem::path(path).stem() != module->name) {
        return std::unexpected(unusable(path, fmt::format("calls itself {}", module->name)));
    }
    return Module{*module};
}

std::string_view Module::name() const {
    return module_->name;
}

std::string_view Module::version() const {
    return module_->version;
}

std::string_view Module::description() const {
    return module_->description;
}

std::uint32_t Module::max_threads() const {
    return module_->max_threads;
}

ModuleNeeds Module::needs() const {
    // The table of version 1 has no `needs`.
    const auto needs = module_->abi_version < 2 ? 0 : module_->needs;
    return {.network = (needs & ECRYPTFS_PKI_NEEDS_NETWORK) != 0,
            .local_services = (needs & ECRYPTFS_PKI_NEEDS_LOCAL_SERVICES) != 0,
            .devices = (needs & ECRYPTFS_PKI_NEEDS_DEVICES) != 0,
            .files = (needs & ECRYPTFS_PKI_NEEDS_FILES) != 0,
            .programs = (needs & ECRYPTFS_PKI_NEEDS_PROGRAMS) != 0,
            .tpm = (needs & ECRYPTFS_PKI_NEEDS_TPM) != 0};
}

Result<std::unique_ptr<ModuleKey>> Module::open(const std::string& locator,
                                                const base::SecretEntry& secret, KeyUse use) const {
    const AbiSecret given(secret);
    ecryptfs_pki_error error{};
    ecryptfs_pki_key* key = nullptr;
    const auto status =
        module_->open(locator.c_str(), given.get(),
                      static_cast<ecryptfs_pki_use>(std::to_underlying(use)), &key, &error);
    if (status != ECRYPTFS_PKI_OK) {
        return std::unexpected(status_error(status, error));
    }
    return std::make_unique<ModuleKey>(*module_, key);
}

Result<void> Module::list(ItemKind kind, const std::function<void(const Item&)>& take) const {
    if (module_->list == nullptr) {
        return std::unexpected(missing_function(name(), "list anything"));
    }
    ecryptfs_pki_error error{};
    auto context = take;
    const auto status = module_->list(static_cast<ecryptfs_pki_item_kind>(std::to_underlying(kind)),
                                      take_item, &context, &error);
    if (status != ECRYPTFS_PKI_OK) {
        return std::unexpected(status_error(status, error));
    }
    return {};
}

Result<std::string> Module::make_key(const MakeKey& message) const {
    if (module_->generate == nullptr) {
        return std::unexpected(missing_function(name(), "make keys"));
    }
    // The ABI takes strings that end in NUL.
    const std::string where(message.where);
    std::deque<std::string> texts;
    std::vector<ecryptfs_pki_property> options;
    for (const auto& [name, value] : message.options) {
        const char* const name_text = texts.emplace_back(name).c_str();
        options.push_back({name_text, texts.emplace_back(value).c_str()});
    }
    const AbiSecret secret(message.secret);
    const ecryptfs_pki_new_key key{where.c_str(), message.bits, options.data(), options.size(),
                                   secret.get()};
    char locator[ECRYPTFS_PKI_MAX_LOCATOR] = {};
    ecryptfs_pki_error error{};
    const auto status = module_->generate(&key, locator, &error);
    if (status != ECRYPTFS_PKI_OK) {
        return std::unexpected(status_error(status, error));
    }
    return bounded_text(locator);
}

}  // namespace ecryptfs::pki
