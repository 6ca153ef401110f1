// SPDX-License-Identifier: Apache-2.0

#include "tests/contract/loaded_module.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>

namespace ecryptfs::contract {
namespace {

constexpr std::uint8_t kGuard = 0xa5;

// A message: there, ended by a NUL, one line, no full stop at its end.
std::string checked_text(const char (&field)[ECRYPTFS_PKI_MAX_TEXT]) {
    const auto* end = static_cast<const char*>(std::memchr(field, '\0', sizeof field));
    EXPECT_NE(end, nullptr) << "a message without NUL";
    const std::string text(field, end == nullptr ? field + sizeof field : end);
    EXPECT_EQ(text.find_first_of("\r\n"), std::string::npos) << text;
    EXPECT_FALSE(text.ends_with('.')) << text;
    return text;
}

Outcome outcome_of(ecryptfs_pki_status status, const ecryptfs_pki_error& error) {
    Outcome outcome{status, checked_text(error.message), checked_text(error.advice)};
    if (status != ECRYPTFS_PKI_OK) {
        EXPECT_FALSE(outcome.message.empty()) << "status " << status << " without a message";
    }
    return outcome;
}

// Calls with exactly `room` bytes of room, and looks whether more were written.
template <typename Operation>
Outcome run(const Operation& operation, ecryptfs_pki_key* key, base::ByteView in,
            std::size_t room) {
    constexpr std::size_t kGuardSize = 64;
    Bytes out(room + kGuardSize, kGuard);
    std::size_t size = room;
    ecryptfs_pki_error error = {};
    const auto status = operation(key, in.data(), in.size(), out.data(), &size, &error);
    Outcome outcome = outcome_of(status, error);
    EXPECT_TRUE(std::ranges::all_of(base::ByteView{out}.subspan(room),
                                    [](std::uint8_t byte) { return byte == kGuard; }))
        << "wrote beyond the room of " << room << " bytes";
    if (status == ECRYPTFS_PKI_OK) {
        EXPECT_LE(size, room);
        out.resize(std::min(size, room));
        outcome.bytes = std::move(out);
    }
    return outcome;
}

}  // namespace

const ecryptfs_pki_module& load(const std::string& so_path) {
    static std::map<std::string, const ecryptfs_pki_module*> loaded;
    const auto*& module = loaded[so_path];
    if (module != nullptr) {
        return *module;
    }
    void* object = ::dlopen(so_path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (object == nullptr) {
        throw std::runtime_error(::dlerror());
    }
    const auto get_module = reinterpret_cast<ecryptfs_pki_get_module_function>(
        ::dlsym(object, "ecryptfs_pki_get_module"));
    if (get_module == nullptr || (module = get_module()) == nullptr) {
        throw std::runtime_error(so_path + " gives no module");
    }
    return *module;
}

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
    return out << "status " << outcome.status << ", message '" << outcome.message << "', advice '"
               << outcome.advice << "', " << outcome.bytes.size() << " bytes";
}

Outcome OpenKey::open(const ecryptfs_pki_module& module, const TestKey& key, ecryptfs_pki_use use,
                      std::unique_ptr<OpenKey>* opened) {
    ecryptfs_pki_key* handle = nullptr;
    ecryptfs_pki_error error = {};
    ecryptfs_pki_secret secret = {};
    if (key.secret) {
        const auto bytes = base::as_bytes(*key.secret);
        secret = {bytes.data(), bytes.size()};
    }
    const auto status =
        module.open(key.locator.c_str(), key.secret ? &secret : nullptr, use, &handle, &error);
    if (status == ECRYPTFS_PKI_OK) {
        opened->reset(new OpenKey(module, handle));
    }
    return outcome_of(status, error);
}

OpenKey::OpenKey(const ecryptfs_pki_module& module, const TestKey& key, ecryptfs_pki_use use)
    : module_(module) {
    std::unique_ptr<OpenKey> opened;
    const Outcome outcome = open(module, key, use, &opened);
    if (!opened) {
        throw std::runtime_error(key.locator + ": " + outcome.message);
    }
    key_ = std::exchange(opened->key_, nullptr);
}

OpenKey::~OpenKey() {
    if (key_ != nullptr) {
        module_.close(key_);
    }
}

Outcome failure_to_open(const ecryptfs_pki_module& module, const TestKey& key,
                        ecryptfs_pki_use use) {
    std::unique_ptr<OpenKey> opened;
    const Outcome outcome = OpenKey::open(module, key, use, &opened);
    EXPECT_NE(outcome.status, ECRYPTFS_PKI_OK) << key.locator << " was opened";
    return outcome;
}

ecryptfs_pki_description OpenKey::describe() const {
    ecryptfs_pki_description description = {};
    ecryptfs_pki_error error = {};
    EXPECT_EQ(module_.describe(key_, &description, &error), ECRYPTFS_PKI_OK) << error.message;
    static_cast<void>(checked_text(description.warning));
    return description;
}

Outcome OpenKey::encrypt(base::ByteView file_key, std::size_t room) const {
    return run(module_.encrypt, key_, file_key, room);
}

Outcome OpenKey::decrypt(base::ByteView wrapped, std::size_t room) const {
    return run(module_.decrypt, key_, wrapped, room);
}

Outcome OpenKey::decrypt_oaep(const std::string& hash, base::ByteView wrapped,
                              std::size_t room) const {
    const auto chosen = hash == "SHA1" ? ECRYPTFS_PKI_OAEP_SHA1 : ECRYPTFS_PKI_OAEP_SHA256;
    return run(
        [&](auto* key, const auto* in, auto in_size, auto* out, auto* out_size, auto* error) {
            return module_.decrypt_oaep(key, chosen, in, in_size, out, out_size, error);
        },
        key_, wrapped, room);
}

Outcome OpenKey::derive(base::ByteView peer, std::size_t room) const {
    return run(module_.derive, key_, peer, room);
}

Bytes OpenKey::wrap(base::ByteView file_key) const {
    Outcome outcome = encrypt(file_key);
    EXPECT_EQ(outcome.status, ECRYPTFS_PKI_OK) << outcome.message;
    return std::move(outcome.bytes);
}

}  // namespace ecryptfs::contract
