// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/library.h"

#include <fmt/format.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "lib/base/handle.h"
#include "lib/base/shell_word.h"
#include "lib/base/try.h"
#include "pki-modules/common/library_file.h"
#include "pki-modules/common/module_edge.h"

namespace ecryptfs::pkcs11_module {

using base::Error;
using base::ErrorCode;
using base::Result;

namespace {

using Text = base::Handle<char, std::free>;

std::string text_or_empty(const Text& text) {
    return text ? std::string(text.get()) : std::string();
}

std::string canonical(const std::string& path) {
    std::error_code ignored;
    const auto resolved = std::filesystem::weakly_canonical(path, ignored);
    return resolved.empty() ? path : resolved.string();
}

std::string p11_kit_says() {
    const char* message = ::p11_kit_message();
    return message == nullptr ? "it gives no reason" : message;
}

Error no_library(const std::string& name) {
    return {ErrorCode::kNotFound, fmt::format("no PKCS#11 library {}", module::shown(name)),
            "see those that are registered: p11-kit list-modules; or name one by module-path="};
}

// p11-kit looks for a mere name in the system's folder of libraries.
Result<module::LibraryFile> check_path(const std::string& path) {
    if (!path.contains('/')) {
        return module::LibraryFile{path, true};
    }
    auto checked = module::check_library(path);
    return !checked && checked.error().code == ErrorCode::kNotFound
               ? std::unexpected(no_library(path))
               : checked;
}

// RFC 7512, 2.3: module-name is the name without "lib" and without what follows its dot.
bool has_name(const Library& library, const std::string& name) {
    const auto stem = std::filesystem::path(library.path()).stem().string();
    return library.name() == name || stem == name || stem == "lib" + name;
}

}  // namespace

// All libraries that this process uses: each once, whatever it was named by.
class Libraries {
  public:
    static Libraries& instance() {
        static auto* libraries = new Libraries;  // never destroyed, nor is what it holds
        return *libraries;
    }

    Result<Library*> find_or_load(const std::string& path) {
        const std::scoped_lock lock(mutex_);
        const auto file = TRY(check_path(path));
        const std::string resolved = canonical(file.path);
        if (auto allowed = module::check_consent(file); !allowed) {
            // What root has registered is root's word, whoever owns it.
            load_registered();
            const auto found = std::ranges::find(*registered_, resolved, &Library::path);
            return found == registered_->end() ? std::unexpected(std::move(allowed.error()))
                                               : Result<Library*>(*found);
        }
        auto* known = find_known(resolved);
        return known == nullptr ? load(path, file.path, resolved) : known;
    }

    std::vector<Library*> registered() {
        const std::scoped_lock lock(mutex_);
        load_registered();
        return *registered_;
    }

  private:
    Libraries() { ::p11_kit_be_quiet(); }

    Library* find_known(const std::string& path) {
        const auto found = std::ranges::find(all_, path, &Library::path);
        return found == all_.end() ? nullptr : found->get();
    }

    Library* remember(Functions* functions, std::string name, std::string path) {
        all_.push_back(std::make_unique<Library>(functions, std::move(name), std::move(path)));
        return all_.back().get();
    }

    Result<Library*> load(const std::string& named, const std::string& path,
                          const std::string& resolved) {
        auto* functions = ::p11_kit_module_load(path.c_str(), 0);
        if (functions == nullptr) {
            return std::unexpected(Error{ErrorCode::kNotFound,
                                         fmt::format("cannot load the PKCS#11 library {}: {}",
                                                     module::shown(named), p11_kit_says()),
                                         "check module-path="});
        }
        return remember(functions, std::filesystem::path(named).stem().string(), resolved);
    }

    void load_registered() {
        if (registered_) {
            return;
        }
        std::vector<Library*> found;
        auto** modules = ::p11_kit_modules_load(nullptr, 0);
        for (auto** module = modules; module != nullptr && *module != nullptr; ++module) {
            const auto path =
                canonical(text_or_empty(Text(::p11_kit_module_get_filename(*module))));
            auto* known = find_known(path);
            found.push_back(known != nullptr
                                ? known
                                : remember(*module,
                                           text_or_empty(Text(::p11_kit_module_get_name(*module))),
                                           path));
        }
        std::free(static_cast<void*>(modules));  // frees the list only: the modules stay
        registered_ = std::move(found);
    }

    std::mutex mutex_;
    std::vector<std::unique_ptr<Library>> all_;
    std::optional<std::vector<Library*>> registered_;
};

Result<void> Library::initialize() {
    const std::scoped_lock lock(mutex_);
    if (starts_ > 0) {
        return {};
    }
    const auto result = ::p11_kit_module_initialize(functions_);
    if (result != CKR_OK) {
        return std::unexpected(
            Error{ErrorCode::kInternal,
                  fmt::format("the PKCS#11 library {} does not start: {}", module::shown(path_),
                              ::p11_kit_strerror(result)),
                  fmt::format("try it by itself: pkcs11-tool --module {} --list-slots",
                              base::shell_word(path_))});
    }
    ++starts_;
    return {};
}

Result<std::vector<Library*>> Library::find_all(const KeyUri& uri) {
    std::vector<Library*> candidates;
    if (!uri.module_path.empty()) {
        const auto library = TRY(Libraries::instance().find_or_load(uri.module_path));
        candidates = {library};
    } else {
        candidates = Libraries::instance().registered();
    }
    if (!uri.module_name.empty()) {
        std::erase_if(candidates, [&](Library* one) { return !has_name(*one, uri.module_name); });
    }
    if (candidates.empty()) {
        return std::unexpected(
            no_library(uri.module_name.empty() ? "is registered with p11-kit" : uri.module_name));
    }
    std::optional<Error> failure;
    std::erase_if(candidates, [&](Library* one) {
        auto started = one->initialize();
        if (!started && !failure) {
            failure = std::move(started.error());
        }
        return !started;
    });
    if (candidates.empty()) {
        return std::unexpected(*failure);
    }
    return candidates;
}

ReturnValue Library::get_slots(std::vector<SlotId>& to) const {
    constexpr int kTries = 4;  // the number may grow between the two calls
    ReturnValue result = CKR_OK;
    for (int i = 0; i < kTries; ++i) {
        unsigned long count = 0;
        result = functions_->C_GetSlotList(CK_TRUE, nullptr, &count);
        to.resize(result == CKR_OK ? count : 0);
        if (!to.empty()) {
            result = functions_->C_GetSlotList(CK_TRUE, to.data(), &count);
            to.resize(std::min<std::size_t>(to.size(), result == CKR_OK ? count : 0));
        }
        if (result != CKR_BUFFER_TOO_SMALL) {
            break;
        }
    }
    return result;
}

// p11-kit's client, started before its server was there: it has no slots, and never looks again.
bool Library::is_idle_client() const {
    unsigned long count = 0;
    return std::filesystem::path(path_).stem() == "p11-kit-client" &&
           functions_->C_GetSlotList(CK_FALSE, nullptr, &count) == CKR_OK && count == 0;
}

ReturnValue Library::restart() {
    static_cast<void>(::p11_kit_module_finalize(functions_));
    ++starts_;
    return ::p11_kit_module_initialize(functions_);
}

Result<std::vector<SlotId>> Library::slots() {
    const std::scoped_lock lock(mutex_);
    std::vector<SlotId> slots;
    auto result = get_slots(slots);
    if (result != CKR_OK || (slots.empty() && is_idle_client())) {
        result = restart();
        if (result == CKR_OK) {
            result = get_slots(slots);
        }
    }
    if (result != CKR_OK) {
        return std::unexpected(
            cryptoki_error("C_GetSlotList", result, fmt::format("library {}", name_)));
    }
    return slots;
}

ReturnValue Library::token_info(SlotId slot, TokenInfo& info) const {
    // One at a time: SoftHSM (2.6.1) takes the time from gmtime(), which threads share.
    const std::scoped_lock lock(info_mutex_);
    CK_TOKEN_INFO raw = {};
    const auto result = functions_->C_GetTokenInfo(slot, &raw);
    if (result == CKR_OK) {
        info = {{unpadded(raw.label), unpadded(raw.serialNumber), unpadded(raw.manufacturerID),
                 unpadded(raw.model)},
                raw.flags,
                raw.ulMinPinLen,
                raw.ulMaxPinLen};
    }
    return result;
}

std::optional<SlotId> Library::find(const TokenName& token) {
    const auto all = slots();
    if (!all) {
        return std::nullopt;
    }
    const auto found = std::ranges::find_if(*all, [&](SlotId slot) {
        TokenInfo info;
        return token_info(slot, info) == CKR_OK && info.name == token;
    });
    return found == all->end() ? std::nullopt : std::optional(*found);
}

// Some libraries complain on stderr when they are asked about a mechanism that they do not list.
bool Library::lists_mechanism(SlotId slot, unsigned long type) const {
    unsigned long count = 0;
    if (functions_->C_GetMechanismList(slot, nullptr, &count) != CKR_OK || count == 0) {
        return false;
    }
    // One more than there are: p11-kit's client (0.24.1) reads one too many when it filters the
    // list.
    std::vector<CK_MECHANISM_TYPE> types(count + 1);
    if (functions_->C_GetMechanismList(slot, types.data(), &count) != CKR_OK) {
        return false;
    }
    types.resize(std::min<std::size_t>(types.size() - 1, count));
    return std::ranges::find(types, type) != types.end();
}

std::optional<MechanismInfo> Library::mechanism_info(SlotId slot, unsigned long type) const {
    CK_MECHANISM_INFO raw = {};
    if (!lists_mechanism(slot, type) ||
        functions_->C_GetMechanismInfo(slot, type, &raw) != CKR_OK) {
        return std::nullopt;
    }
    return MechanismInfo{raw.ulMinKeySize, raw.ulMaxKeySize, raw.flags};
}

}  // namespace ecryptfs::pkcs11_module
