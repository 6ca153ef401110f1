// SPDX-License-Identifier: Apache-2.0

#include "tests/contract/softhsm.h"

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>

namespace ecryptfs::contract {

std::string run_program(const std::string& command) {
    const auto close = [](std::FILE* pipe) { return ::pclose(pipe); };
    std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "re");
    if (pipe == nullptr) {
        throw std::runtime_error(command);
    }
    std::string output;
    std::array<char, 4096> some{};
    while (const auto size = std::fread(some.data(), 1, some.size(), pipe)) {
        output.append(some.data(), size);
    }
    if (const int status = close(pipe); status != 0) {
        throw std::runtime_error(command + ": " + output);
    }
    return output;
}

SoftHsm& SoftHsm::instance() {
    static SoftHsm softhsm;
    return softhsm;
}

SoftHsm::SoftHsm() {
    const auto tokens = folder_.path("tokens");
    std::filesystem::create_directory(tokens);
    folder_.write("softhsm2.conf", "directories.tokendir = " + tokens.string() +
                                       "\nobjectstore.backend = file\nlog.level = ERROR\n");
    ::setenv("SOFTHSM2_CONF", folder_.path("softhsm2.conf").c_str(), 1);
    for (const std::string label : kTokens) {
        run_program("softhsm2-util --init-token --free --so-pin so-pin-123 --label " + label +
                    " --pin " + kPin);
    }
}

void SoftHsm::import(std::string_view token, std::string_view label, std::string_view id_in_hex,
                     const std::string& pem) const {
    folder_.write("import.pem", pem);
    run_program("softhsm2-util --import '" + folder_.path("import.pem").string() + "' --token '" +
                std::string(token) + "' --pin '" + kPin + "' --label '" + std::string(label) +
                "' --id " + std::string(id_in_hex));
}

void SoftHsm::import_curve_key(std::string_view token, std::string_view label,
                               std::string_view id_in_hex, const std::string& pem) const {
    folder_.write("import.pem", pem);
    const auto file = folder_.path("import.pem").string();
    for (const std::string type : {"privkey", "pubkey"}) {
        run_program("openssl pkey -outform DER " + std::string(type == "pubkey" ? "-pubout" : "") +
                    " -in " + file + " -out " + file + ".der");
        run_program("pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --usage-derive --pin " +
                    std::string(kPin) + " --token-label '" + std::string(token) + "' --label '" +
                    std::string(label) + "' --id " + std::string(id_in_hex) + " --type " + type +
                    " --write-object " + file + ".der");
    }
}

}  // namespace ecryptfs::contract
