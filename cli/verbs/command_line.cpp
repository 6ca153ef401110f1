// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/command_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "cli/ask/ask_secret.h"
#include "cli/input/typed_command.h"
#include "cli/output/output.h"
#include "cli/verbs/library_consent.h"
#include "cli/verbs/suggest.h"
#include "cli/verbs/verbs.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr char kExamples[] = R"(Examples:
  ecryptfsctl add-key ~/.ecryptfs/key.pem         print the key's signature, for mount
  ecryptfsctl list-keys                           what the agent has
  ecryptfsctl lock                                before leaving the machine
  ecryptfsctl unlock fe3467554552491d             and back again
  ecryptfsctl remove-key fe3467554552491d         done with it
  ecryptfsctl status --json | jq .queue.failed    for scripts

Exit codes are those of docs/errors.md. Data goes to standard output, all else to standard error.)";

// All verbs with their options.
struct Parser {
    CLI::App app{"Keys for eCryptfs, held by ecryptfs-agent", "ecryptfsctl"};
    CommonOptions common;
    std::map<std::string, RunVerb> runs;  // by the verb's name

    Parser() {
        app.require_subcommand(1);
        app.footer(kExamples);
        app.set_version_flag("--version", "ecryptfsctl " ECRYPTFS_VERSION, "Print the version");
        for (const auto& verb : verbs()) {
            add_verb(verb);
        }
    }

    void add_verb(const Verb& verb) {
        auto* parser = app.add_subcommand(verb.text.name, verb.text.description);
        std::string examples = verb.text.examples;
        for (auto end = examples.find('\n'); end != std::string::npos;
             end = examples.find('\n', end + 1)) {
            examples.insert(end + 1, "  ");
        }
        parser->footer(fmt::format("Example:\n  {}", examples));
        runs[verb.text.name] = verb.prepare(*parser);
        add_common(*parser);
    }

    // --askpass is for verbs that may ask: those which can read the answer from a file instead.
    void add_common(CLI::App& parser) {
        const auto secret_files = parser.get_options([](const CLI::Option* option) {
            return option->get_name().ends_with("passphrase-file");
        });
        if (!secret_files.empty()) {
            parser
                .add_option("--askpass", common.askpass,
                            "Let PROGRAM ask: a pinentry, ssh-askpass or systemd-ask-password")
                ->type_name("PROGRAM");
        }
        parser.add_flag("--quiet", common.quiet, "Print no warnings, notes and progress bars");
    }
};

std::vector<std::string> verb_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
        names.push_back(verb->get_name());
    }
    return names;
}

std::vector<std::string> option_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* option : app.get_options()) {
        for (const auto& name : option->get_lnames()) {
            names.push_back("--" + name);
        }
    }
    return names;
}

// The typed command line with `meant` instead of `word`, which a value may follow. Quoted for a
// shell.
std::string corrected(std::vector<std::string> typed, const std::string& word,
                      const std::string& meant) {
    const auto slip = std::ranges::find(typed, word);
    if (slip != typed.end()) {
        slip->replace(0, word.find('='), meant);
    }
    return shell_line(typed);
}

// A PIN in a URI must not get into logs.
bool may_hold_secret(const std::string& argument) {
    return argument.find("pin-value") != std::string::npos;
}

// The error for a word that the parser left over.
Error not_understood(const CLI::App& app, const std::string& word,
                     const std::vector<std::string>& typed) {
    const auto verbs = app.get_subcommands();
    const bool is_option = word.starts_with('-');
    const CLI::App& where = verbs.empty() ? app : *verbs.front();
    const std::string command =
        verbs.empty() ? "ecryptfsctl" : "ecryptfsctl " + verbs.front()->get_name();
    const auto known = is_option       ? option_names(where)
                       : verbs.empty() ? verb_names(app)
                                       : std::vector<std::string>{};
    const auto meant = nearest(word.substr(0, word.find('=')), known);
    const std::string_view kind = is_option       ? "unknown option"
                                  : verbs.empty() ? "unknown command"
                                                  : "unexpected argument";
    return {ErrorCode::kInvalidArgument, fmt::format("{} \"{}\"", kind, word),
            meant && std::ranges::none_of(typed, may_hold_secret)
                ? corrected(typed, word, *meant)
                : fmt::format("{} --help", command)};
}

Error usage_error(const CLI::App& app, const std::string& message,
                  const std::vector<std::string>& typed) {
    if (const auto left = app.remaining(true); !left.empty()) {
        return not_understood(app, left.front(), typed);
    }
    const auto verbs = app.get_subcommands();
    if (verbs.empty()) {
        return {ErrorCode::kInvalidArgument, "a command is missing", "ecryptfsctl --help"};
    }
    return {ErrorCode::kInvalidArgument, message,
            fmt::format("ecryptfsctl {} --help", verbs.front()->get_name())};
}

// CLI11 reads "[…]" as a list where several values are allowed (Option::_add_result). Here it can
// only be the name of a file.
void protect_brackets(std::string& argument) {
    if (argument.starts_with('[') && argument.ends_with(']')) {
        argument.insert(0, "./");
    }
}

}  // namespace

Result<CommandLine> parse_command_line(std::vector<std::string> arguments) {
    Parser parser;
    const auto typed = arguments;
    std::ranges::for_each(arguments, protect_brackets);
    std::ranges::reverse(arguments);  // CLI11 takes them from the back
    try {
        parser.app.parse(std::move(arguments));
    } catch (const CLI::CallForVersion& version) {
        return CommandLine{fmt::format("{}\n", version.what()), {}, {}};
    } catch (const CLI::CallForHelp&) {
        return CommandLine{parser.app.help(), {}, {}};
    } catch (const CLI::ParseError& error) {
        return std::unexpected(usage_error(parser.app, error.what(), typed));
    }
    const auto verb = parser.app.get_subcommands().front()->get_name();
    return CommandLine{{}, parser.runs.at(verb), parser.common};
}

int run_command_line(std::vector<std::string> arguments) {
    remember_typed_command(arguments);
    const auto line = parse_command_line(std::move(arguments));
    auto done = line ? Result<void>() : std::unexpected(line.error());
    if (line) {
        if (line->common.quiet) {
            be_quiet();
        }
        if (line->common.askpass) {
            use_askpass(*line->common.askpass);
        }
        style_output(terminal_style(STDOUT_FILENO));
        done = line->run ? line->run() : print(line->text);
    }
    if (done) {
        return 0;
    }
    report(add_consent_command(done.error()));
    return base::traits(done.error().code).status;
}

}  // namespace ecryptfs::cli
