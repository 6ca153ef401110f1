// SPDX-License-Identifier: Apache-2.0

#include "lib/dbus/paths.h"

#include <fmt/format.h>
#include <systemd/sd-bus.h>

#include <cstdlib>
#include <new>

#include "lib/base/handle.h"
#include "lib/dbus/names.h"

namespace ecryptfs::dbus {

std::string key_path(const wire::KeySignature& signature) {
    return fmt::format("{}/{}", kKeyPathPrefix, signature.text());
}

std::optional<wire::KeySignature> key_at_path(std::string_view path) {
    const auto prefix = fmt::format("{}/", kKeyPathPrefix);
    if (!path.starts_with(prefix)) {
        return std::nullopt;
    }
    const auto signature = wire::KeySignature::from_text(path.substr(prefix.size()));
    return signature ? std::optional(*signature) : std::nullopt;
}

std::string module_path(const std::string& module) {
    char* encoded = nullptr;
    if (::sd_bus_path_encode(kModulePathPrefix, module.c_str(), &encoded) < 0) {
        throw std::bad_alloc();
    }
    return base::Handle<char, ::free>(encoded).get();
}

}  // namespace ecryptfs::dbus
