// SPDX-License-Identifier: Apache-2.0

#include "tests/contract/software_tpm.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <csignal>
#include <sstream>
#include <stdexcept>

#include "tests/support/files.h"

namespace ecryptfs::contract {
namespace {

using test::Arguments;

bool answers(const std::string& path) {
    const base::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

constexpr std::string_view kCommand = "SWTPM_IO_Read: length ";
constexpr std::string_view kAnswer = "SWTPM_IO_Write: length ";

// The bytes of a dump, which are lines of two digits and a space each.
std::string dumped(std::istream& log, std::size_t size) {
    std::string bytes;
    unsigned byte = 0;
    while (bytes.size() < size && log >> std::hex >> byte) {
        bytes += static_cast<char>(byte);
    }
    log >> std::dec;
    return bytes;
}

// Calls take(is_command, bytes) for each message in the log.
template <typename Take>
void for_each_message(const std::string& log, const Take& take) {
    std::istringstream lines(log);
    for (std::string line; std::getline(lines, line);) {
        for (const auto kind : {kCommand, kAnswer}) {
            const auto found = line.find(kind);
            if (found != std::string::npos) {
                take(kind == kCommand, dumped(lines, std::stoul(line.substr(found + kind.size()))));
            }
        }
    }
}

}  // namespace

SoftwareTpm::SoftwareTpm() {
    start();
}

void SoftwareTpm::start() {
    const std::string server = path("tpm");
    process_ = std::make_unique<test::Process>(
        test::Command{"swtpm",
                      {"socket", "--tpm2", "--tpmstate", "dir=" + path(""), "--server",
                       "type=unixio,path=" + server, "--ctrl",
                       "type=unixio,path=" + server + ".ctrl", "--flags",
                       "not-need-init,startup-clear", "--log", "file=" + path("log") + ",level=4"}},
        std::map<int, int>{});
    for (const auto& path : {server, server + ".ctrl"}) {
        test::wait_until("swtpm has started", [&] { return answers(path); });
    }
}

void SoftwareTpm::stop() {
    process_->send_signal(SIGTERM);
    EXPECT_TRUE(process_->wait());
    process_.reset();
    std::filesystem::remove(path("tpm"));
    std::filesystem::remove(path("tpm.ctrl"));
}

std::string SoftwareTpm::read(std::string_view name) const {
    return test::content_of(path(name));
}

std::string SoftwareTpm::run(const std::string& program, const Arguments& arguments,
                             const std::string& input) const {
    const auto outcome = test::run(
        {program, arguments, {{"TPM2TOOLS_TCTI", tcti()}, {"TPM2OPENSSL_TCTI", tcti()}}}, input);
    if (outcome.exit_code != 0) {
        throw std::runtime_error(program + ": " + outcome.err);
    }
    return outcome.out;
}

std::string SoftwareTpm::tool(const std::string& program, const Arguments& arguments) const {
    std::string out = run(program, arguments);
    run("tpm2_flushcontext", {"-t"});
    run("tpm2_flushcontext", {"-l"});
    return out;
}

void SoftwareTpm::create_key(const std::string& name, const Arguments& create) const {
    const std::string parent = path("parent.ctx");
    tool("tpm2_createprimary",
         {"-Q", "-C", "o", "-G", "ecc", "-c", parent, "-a",
          "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt"});
    Arguments arguments = {
        "-Q", "-C", parent, "-u", path(name + ".pub"), "-r", path(name + ".priv")};
    arguments.insert(arguments.end(), create.begin(), create.end());
    if (std::ranges::find(create, "-G") == create.end()) {
        arguments.insert(arguments.end(), {"-G", "rsa2048"});
    }
    tool("tpm2_create", arguments);
    tool("tpm2_encodeobject", {"-C", parent, "-u", path(name + ".pub"), "-r", path(name + ".priv"),
                               "-o", path(name + ".pem")});
}

std::string SoftwareTpm::public_pem(const std::string& name) const {
    return run("tpm2_print", {"-t", "TPM2B_PUBLIC", "-f", "pem", path(name + ".pub")});
}

std::size_t SoftwareTpm::log_size() const {
    return std::filesystem::file_size(path("log"));
}

std::vector<std::uint32_t> SoftwareTpm::commands_since(std::size_t from) const {
    std::vector<std::uint32_t> codes;
    for_each_message(read("log").substr(from), [&](bool is_command, const std::string& bytes) {
        if (is_command && bytes.size() >= 10) {
            std::uint32_t code = 0;
            for (const char byte : bytes.substr(6, 4)) {
                code = code << 8 | static_cast<unsigned char>(byte);
            }
            codes.push_back(code);
        }
    });
    return codes;
}

std::string SoftwareTpm::bus() const {
    std::string all;
    for_each_message(read("log"), [&](bool, const std::string& bytes) { all += bytes; });
    return all;
}

}  // namespace ecryptfs::contract
