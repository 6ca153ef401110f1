// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/contract/temporary_folder.h"
#include "tests/support/command.h"

namespace ecryptfs::contract {

// A TPM 2.0 in software (swtpm) for this test alone, with the programs of others that use it. It
// ends with this object, or with the test.
class SoftwareTpm {
  public:
    SoftwareTpm();

    // "swtpm:path=/tmp/…", for tpm2-tss; and that as the query of a locator.
    std::string tcti() const { return "swtpm:path=" + folder_.path("tpm").string(); }
    std::string query() const { return "?tcti=" + tcti(); }

    // Off and on again: keeps what is in non-volatile memory, forgets the rest, as a reset does.
    void stop();
    void start();

    std::string path(std::string_view name) const { return folder_.path(name).string(); }
    std::string write(std::string_view name, std::string_view contents) const {
        return folder_.write(name, contents) + query();
    }
    std::string locator(std::string_view name) const { return folder_.uri(name) + query(); }
    std::string read(std::string_view name) const;

    // tpm2-tools or openssl with this TPM. Fails the test unless the program succeeds.
    std::string run(const std::string& program, const test::Arguments& arguments,
                    const std::string& input = "") const;
    // The same, and then all keys and sessions are flushed: there is no resource manager, and tools
    // leave theirs behind.
    std::string tool(const std::string& program, const test::Arguments& arguments) const;

    // Files NAME.pem of an RSA-2048 key below the usual parent, by tpm2_create and
    // tpm2_encodeobject. `create` are more arguments of tpm2_create.
    void create_key(const std::string& name, const test::Arguments& create = {}) const;
    // The public half as OpenSSL has it.
    std::string public_pem(const std::string& name) const;

    // The command codes that the TPM got since `from` (see log_size()).
    std::vector<std::uint32_t> commands_since(std::size_t from) const;
    std::size_t log_size() const;
    // Every byte that went to and from the TPM.
    std::string bus() const;

  private:
    TemporaryFolder folder_;
    std::unique_ptr<test::Process> process_;
};

}  // namespace ecryptfs::contract
