// SPDX-License-Identifier: Apache-2.0
//
// The advice of the agent, and of modules where it takes ecryptfsctl with real ones: it is
// followed.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <keyutils.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "lib/dbus/names.h"
#include "tests/contract/softhsm.h"
#include "tests/integration/agent_test.h"
#include "tests/integration/bus_client.h"
#include "tests/integration/tokens.h"
#include "tests/support/advised_command.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using contract::kPin;
using contract::SoftHsm;
using ::testing::HasSubstr;

class AgentAdvice : public AgentTest {
  protected:
    AgentAdvice() {
        // Installed, ecryptfsctl finds its modules; here it is told where.
        const auto program = file("bin/ecryptfsctl");
        fs::create_directory(file("bin"));
        std::ofstream(program) << fmt::format(
            "#!/bin/sh\nprogram={}\ncase \"$1\" in "
            "generate-key|list-tokens|list-keys|decrypt|rekey)\n"
            "exec $program \"$@\" --module-dir {} --pki-host {};; esac\nexec $program \"$@\"\n",
            ctl_program(), built("modules"), host_program());
        fs::permissions(program, fs::perms::owner_all);
    }

    std::string file(const std::string& name) const { return (folder_.path() / name).string(); }

    Outcome in_shell(const std::string& line, const std::string& input = "") const {
        auto environment = bus_.environment();
        environment["PATH"] = file("bin") + ":/usr/bin:/bin";
        environment["SOFTHSM2_CONF"] = softhsm();
        environment["HOME"] = folder_.path().string();
        return run({"/bin/sh", {"-c", "cd \"$HOME\" && " + line}, environment}, input);
    }
    // With those in the folder "modules".
    void start_with_modules() {
        agent_.reset();
        agent_.emplace(Command{agent_program(),
                               {"--module-dir", file("modules"), "--pki-host", host_program()},
                               bus_.environment()},
                       kernel_.device());
    }
    // What it prints.
    std::string follow(const std::string& line, const std::string& input = "") const {
        const auto outcome = in_shell(line, input);
        EXPECT_EQ(outcome.exit_code, 0) << line << ": " << outcome.err;
        return outcome.out;
    }
    static std::string softhsm() {
        return SoftHsm::instance().folder().path("softhsm2.conf").string();
    }
    void expect_advice(const std::string& typed, ErrorCode error, const std::string& advice,
                       const std::string& input = "") const {
        const auto refused = in_shell(typed, input);
        EXPECT_EQ(refused.exit_code, code(error)) << refused.err;
        EXPECT_THAT(refused.err, HasSubstr("\ntry: " + advice + "\n")) << typed;
    }
    // The log has it once a request could not be answered.
    void expect_logged(const std::string& advice) {
        wait_until("it is logged: " + advice,
                   [&] { return agent_->log().contains("(try: " + advice + ")"); });
    }
};

// ---- keys

TEST_F(AgentAdvice, WorksForLockedKey) {
    start_agent();
    const auto signature = add_k2048();
    const auto file_key = make_file_key(16);
    const auto encrypted = wrapped(signature, file_key);
    ASSERT_EQ(ctl({"lock"}).exit_code, 0);
    EXPECT_THAT(kernel_.decrypt(signature, encrypted), FailsFor(ErrorCode::kKeyLocked));
    expect_logged(fmt::format("unlock it: ecryptfsctl unlock {}", signature));
    follow(fmt::format("ecryptfsctl unlock {} --passphrase-file -", signature), "secret");
    EXPECT_THAT(kernel_.decrypt(signature, encrypted), Gives(file_key));
    EXPECT_THAT(kernel_.decrypt(signature, Bytes(256, 1)), FailsFor(ErrorCode::kDecryptFailed));
    expect_logged("check that the file was made with this key");
}

TEST_F(AgentAdvice, WorksForNewKeyThatIsEncrypted) {
    unpack_vector("pass-aes16.lower", file("lower"));
    folder_.file("w", "correct-horse\n");
    const auto typed =
        fmt::format("ecryptfsctl rekey lower --passphrase-file w --to {}", vector_key("k2048.pem"));
    expect_advice(typed, ErrorCode::kSecretRequired,
                  "give it with --new-key-passphrase-file FILE, - for standard input, or have "
                  "--askpass PROGRAM ask");
    follow(typed + " --new-key-passphrase-file -", "secret");
}

TEST_F(AgentAdvice, WorksForMissingTokens) {
    start_agent();
    const auto ask = [&](const std::string& signature) {
        return kernel_.decrypt(signature, Bytes(256, 1));
    };
    EXPECT_THAT(ask(kK2048Signature), FailsFor(ErrorCode::kUnknownKey));
    expect_logged("add it: ecryptfsctl add-key FILE-OR-URI");
    EXPECT_EQ(add_k2048(), kK2048Signature);
    EXPECT_THAT(ask(kK2048Signature), FailsFor(ErrorCode::kDecryptFailed)) << "it is there";

    const auto serial = static_cast<key_serial_t>(
        ::keyctl_search(KEY_SPEC_USER_KEYRING, "user", kK2048Signature, 0));
    ASSERT_EQ(::keyctl_revoke(serial), 0);
    EXPECT_THAT(ask(kK2048Signature), FailsFor(ErrorCode::kKeyRevoked));
    expect_logged("add it again: ecryptfsctl add-key FILE-OR-URI");
    add_k2048();
    EXPECT_THAT(ask(kK2048Signature), FailsFor(ErrorCode::kDecryptFailed));
}

// Of a session, whose keyring the agent does not have.
TEST_F(AgentAdvice, WorksForUnreadableToken) {
    start_agent();
    ASSERT_GT(::keyctl_join_session_keyring(nullptr), 0);
    ASSERT_EQ(::keyctl_link(KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING), 0);
    const auto signature = add({vector_key("k2048.pem"), "--keyring", "session"}, "secret");
    const auto serial = static_cast<key_serial_t>(
        ::keyctl_search(KEY_SPEC_SESSION_KEYRING, "user", signature.c_str(), 0));
    ASSERT_EQ(::keyctl_setperm(serial, 0x3f090000), 0);
    EXPECT_THAT(kernel_.decrypt(signature, Bytes(256, 1)), FailsFor(ErrorCode::kAccessDenied));
    const auto command = fmt::format("keyctl setperm %user:{} 0x3f0b0000", signature);
    expect_logged(fmt::format(
        "let its user view, read and search it: keyctl setperm %user:{} 0x3f0b0000", signature));
    follow(command);
    follow(
        "ecryptfsctl add-key " + vector_key("k2048.pem") + " --keyring session --passphrase-file -",
        "secret");
    EXPECT_THAT(kernel_.decrypt(signature, Bytes(256, 1)), FailsFor(ErrorCode::kDecryptFailed))
        << "it can be read";
}

TEST_F(AgentAdvice, WorksForDamagedToken) {
    start_agent();
    put_token(kK2048Signature, Bytes(10, 1));
    EXPECT_THAT(kernel_.decrypt(kK2048Signature, Bytes(256, 1)),
                FailsFor(ErrorCode::kInvalidToken));
    expect_logged(
        fmt::format("remove it: ecryptfsctl remove-key {}; then add the key again: "
                    "ecryptfsctl add-key FILE-OR-URI",
                    kK2048Signature));
    follow(fmt::format("ecryptfsctl remove-key {}", kK2048Signature));
    follow("ecryptfsctl add-key " + vector_key("k2048.pem") + " --passphrase-file -", "secret");
    EXPECT_THAT(kernel_.decrypt(kK2048Signature, Bytes(256, 1)),
                FailsFor(ErrorCode::kDecryptFailed));
}

TEST_F(AgentAdvice, WorksForFileWithOtherKey) {
    start_agent();
    fs::copy_file(vector_key("k2048.pem"), file("the key.pem"));
    const auto signature = add({file("the key.pem")}, "secret");
    ASSERT_EQ(ctl({"lock"}).exit_code, 0);
    fs::copy_file(vector_key("k1024.pem"), file("the key.pem"),
                  fs::copy_options::overwrite_existing);
    const auto uri = fmt::format("file://{}/the%20key.pem", folder_.path().string());
    expect_advice(
        fmt::format("ecryptfsctl unlock {} --passphrase-file -", signature), ErrorCode::kInvalidKey,
        fmt::format("put the old key back, or add the new one: ecryptfsctl add-key {}", uri),
        "secret");
    follow(fmt::format("ecryptfsctl add-key {} --passphrase-file -", uri), "secret");
    fs::copy_file(vector_key("k2048.pem"), file("the key.pem"),
                  fs::copy_options::overwrite_existing);
    follow(fmt::format("ecryptfsctl unlock {} --passphrase-file -", signature), "secret");
}

TEST_F(AgentAdvice, WorksForCallsOfOtherPrograms) {
    start_agent();
    BusClient client(bus_.address());
    const auto text_of = [&](const char* member, const char* types, auto... arguments) {
        return client.call(dbus::kManagerPath, dbus::kManagerInterface, member, types, arguments...)
            .error_text;
    };
    const Pipe pipe;
    const auto secret = base::value_or_throw(base::SealedMemfd::create({}));
    EXPECT_THAT(text_of("AddKey", "ssh", "No Module", "example:a", secret.fd()),
                HasSubstr("\na name has 1 to 16 lower-case letters, digits and hyphens"));
    EXPECT_THAT(text_of("AddKey", "ssh", "example", "example:a", pipe.reader.get()),
                HasSubstr("\nsend a memfd with the seals write, grow and shrink"));
    EXPECT_EQ(text_of("AddKey", "ssh", "example", "example:a", secret.fd()), "");
    EXPECT_THAT(text_of("RegisterToken", "si", "0123456789abcdef", 1),
                HasSubstr("\ncall AddKey first"));
}

// ---- modules

TEST_F(AgentAdvice, WorksForBrokenModules) {
    fs::create_directory(file("modules"));
    std::ofstream(file("modules/example.so")) << "no module";
    start_with_modules();
    const std::string add = "ecryptfsctl add-key example:a --module example";
    expect_advice("ecryptfsctl add-key example:a --module exmaple", ErrorCode::kUnknownModule,
                  "check the name, or install the package that has it");
    expect_advice(add, ErrorCode::kModuleFailed,
                  "install the module anew, in the version of the agent");
    fs::copy_file(built("modules/example.so"), file("modules/example.so"),
                  fs::copy_options::overwrite_existing);
    wait_until("the agent tries the module again", [&] { return in_shell(add).exit_code == 0; });
}

TEST_F(AgentAdvice, WorksForUnsuitableKey) {
    start_agent();
    expect_advice("ecryptfsctl add-key faulty:no-modulus --module faulty", ErrorCode::kInvalidKey,
                  "eCryptfs takes RSA keys of 1,024 to 4,096 bits");
    follow("ecryptfsctl add-key faulty:ok --module faulty");  // of 1,024 bits
}

// A host for each library that a locator names, though this module looks at none.
TEST_F(AgentAdvice, WorksForTooManyHosts) {
    constexpr int kMost = 16;
    start_agent();
    const auto add = [](int number) {
        return fmt::format("ecryptfsctl add-key 'faulty:ok?module-path=/{}' --module faulty",
                           number);
    };
    std::string first;
    for (int i = 0; i < kMost; ++i) {
        const auto signature = follow(add(i)).substr(0, 16);
        first = i == 0 ? signature : first;
    }
    expect_advice(add(kMost), ErrorCode::kOverloaded,
                  "lock keys that are not needed now, or restart the agent");
    follow("ecryptfsctl lock " + first);
    follow(add(kMost));
}

// A channel is open as long as the reply with its descriptor is there.
TEST_F(AgentAdvice, WorksForTooManyMounts) {
    start_agent();
    BusClient client(bus_.address());
    const auto open_channel = [&] {
        return client.call(dbus::kManagerPath, dbus::kManagerInterface, "OpenChannel", "i", 4711);
    };
    constexpr int kMost = 32;
    std::vector<CallResult> mounts;
    for (int i = 0; i < kMost; ++i) {
        mounts.push_back(open_channel());
        ASSERT_EQ(mounts.back().error, "") << mounts.back().error_text;
    }
    const auto refused = open_channel();
    EXPECT_EQ(refused.error, "Overloaded");
    EXPECT_THAT(refused.error_text, HasSubstr("unmount a folder"));
    mounts.pop_back();
    wait_until("its channel is closed", [&] { return open_channel().error.empty(); });
}

TEST_F(AgentAdvice, WorksForMountThatDoesNotForget) {
    start_agent();
    BusClient client(bus_.address());
    auto mount = client.call(dbus::kManagerPath, dbus::kManagerInterface, "OpenChannel", "i", 4711);
    ASSERT_EQ(mount.error, "") << mount.error_text;
    expect_advice("ecryptfsctl lock", ErrorCode::kTimedOut,
                  "unmount its folder, or end the process");
    mount.reply.reset();
    follow("ecryptfsctl lock");
}

TEST_F(AgentAdvice, WorksForWrongPkcs11Uri) {
    start_agent();
    EXPECT_THAT(follow("ecryptfsctl list-tokens"), HasSubstr("contract"));
    SoftHsm::instance();
    expect_advice("ecryptfsctl add-key 'pkcs11:token=contract;colour=red'",
                  ErrorCode::kInvalidArgument,
                  "see how keys are named: ecryptfsctl list-keys --available");
    follow(
        "ecryptfsctl generate-key pkcs11 'pkcs11:token=empty;object=files;type=private' "
        "--bits 2048 --passphrase-file -",
        kPin);
    EXPECT_THAT(follow("ecryptfsctl list-keys --available"), HasSubstr("object=files"));
}

TEST_F(AgentAdvice, WorksForOwnLibrary) {
    start_agent();
    const auto try_with = [&](const std::string& library) {
        fs::create_directories(fs::path(library).parent_path());
        fs::copy_file("/usr/lib/softhsm/libsofthsm2.so", library);
        return fmt::format("ecryptfsctl add-key 'pkcs11:token=contract;object=none?module-path={}'",
                           library);
    };
    const auto library = file("own/p11.so");
    const auto typed = try_with(library);
    constexpr std::string_view kProgram = "ecryptfsctl add-key";
    const auto with_word =
        fmt::format("{} --allow-library {}{}", kProgram, library, typed.substr(kProgram.size()));
    expect_advice(typed, ErrorCode::kAccessDenied, "if you trust it: " + with_word);
    EXPECT_NE(in_shell(with_word + " --passphrase-file -", kPin).exit_code,
              code(ErrorCode::kAccessDenied))
        << "which opened the token, if not that key";

    const auto far = file(std::string(200, 'd') + "/" + std::string(60, 'f') + "/p11.so");
    const auto long_typed = try_with(far);
    expect_advice(long_typed, ErrorCode::kAccessDenied,
                  "if you trust it, give its path to --allow-library");
    EXPECT_NE(in_shell(long_typed + " --passphrase-file - --allow-library " + far, kPin).exit_code,
              code(ErrorCode::kAccessDenied));
}

TEST_F(AgentAdvice, WorksForBrokenLibrary) {
    auto environment = bus_.environment();
    environment["SOFTHSM2_CONF"] = "/nowhere";
    agent_.emplace(environment, kernel_.device());
    constexpr char kLibrary[] = "/usr/lib/softhsm/libsofthsm2.so";
    const auto advice = fmt::format("try it by itself: pkcs11-tool --module {} --list-slots",
                                    fs::canonical(kLibrary).string());
    expect_advice(
        fmt::format("ecryptfsctl add-key 'pkcs11:token=contract?module-path={}'", kLibrary),
        ErrorCode::kModuleFailed, advice);
    EXPECT_THAT(follow(command_in(advice)), HasSubstr("contract")) << "the library is well";
}

TEST_F(AgentAdvice, WorksForKeyOfWrongKind) {
    start_agent();
    follow("openssl genpkey -algorithm ED25519 -out ed.pem 2>/dev/null");
    const std::string advice =
        "use an RSA key of 2048 to 4096 bits; make one: ecryptfsctl generate-key openssl NEW.pem";
    expect_advice("ecryptfsctl add-key ed.pem", ErrorCode::kInvalidKey, advice);
    follow(command_in(advice) + " --passphrase-file -", "a passphrase");
    follow("ecryptfsctl add-key NEW.pem --passphrase-file -", "a passphrase");
}

TEST_F(AgentAdvice, WorksForKeyOfCurve) {
    start_agent();
    follow("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.pem");
    expect_advice("ecryptfsctl add-key ec.pem", ErrorCode::kInvalidKey,
                  "add an RSA key; this one can open a folder key, by ecryptfsctl add-recipient");
    follow("openssl genpkey -algorithm RSA -out rsa.pem 2>/dev/null");
    follow("ecryptfsctl add-key rsa.pem");
}

TEST_F(AgentAdvice, WorksForKeyThatOpensNoFile) {
    follow("mkdir lower && tar -C lower -xf " ECRYPTFS_VECTORS "/rsa2048-aes16.lower.tar.xz");
    follow("echo secret >w");
    const auto with = [&](const std::string& key) {
        return fmt::format(
            "ecryptfsctl decrypt lower --output out --key-passphrase-file w --key {}",
            vector_key(key));
    };
    expect_advice(with("k1024.pem"), ErrorCode::kUnknownKey, "give another key with --key URI");
    follow(with("k2048.pem"));
}

// ---- the device, and the agent itself

TEST_F(AgentAdvice, WorksForMissingDevice) {
    const auto path = file("ecryptfs");
    const auto start_without_device = [&] {
        agent_.reset();
        agent_.emplace(bus_.environment(), base::UniqueFd(), Arguments{"--device", path});
    };
    start_without_device();
    expect_advice("ecryptfsctl status", ErrorCode::kNoDevice,
                  "load the kernel module: sudo modprobe ecryptfs");
    // What loading makes, for nobody yet.
    ASSERT_EQ(::mkfifo(path.c_str(), 0), 0);
    start_without_device();
    expect_advice("ecryptfsctl status", ErrorCode::kDevicePermission,
                  "become a member of the device's group: sudo usermod --append --groups ecryptfs "
                  "$(id -un); then log in anew");
    fs::permissions(path, fs::perms::owner_all);  // as the group has it
    start_without_device();
    follow("ecryptfsctl status");
}

TEST_F(AgentAdvice, WorksForStoppedAgent) {
    expect_advice("ecryptfsctl list-keys", ErrorCode::kNoAgent,
                  "start it: systemctl --user start ecryptfs-agent, or run ecryptfs-agent in a "
                  "terminal");
    start_agent();
    follow("ecryptfsctl list-keys");
}

}  // namespace
}  // namespace ecryptfs::test
