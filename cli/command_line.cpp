// SPDX-License-Identifier: Apache-2.0

#include "cli/command_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "cli/ask/asking.h"
#include "cli/ask/library_consent.h"
#include "cli/grammar.h"
#include "cli/output/output.h"
#include "cli/output/typed_command.h"
#include "cli/suggest.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

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

// What was typed with `meant` for `word`, which a value may follow: to be typed as it stands.
std::string corrected(std::vector<std::string> typed, const std::string& word,
                      const std::string& meant) {
    const auto slip = std::ranges::find(typed, word);
    if (slip != typed.end()) {
        slip->replace(0, word.find('='), meant);
    }
    return shell_line(typed);
}

// A PIN in a URI is for nobody's log.
bool may_hold_secret(const std::string& argument) {
    return argument.find("pin-value") != std::string::npos;
}

// What was left over, in the words of one who typed it.
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
    const std::string_view kind = is_option       ? "no option"
                                  : verbs.empty() ? "no verb"
                                                  : "one argument too many:";
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
        return {ErrorCode::kInvalidArgument, "a verb is missing", "ecryptfsctl --help"};
    }
    return {ErrorCode::kInvalidArgument, message,
            fmt::format("ecryptfsctl {} --help", verbs.front()->get_name())};
}

// CLI11 takes such a one for a list, where there may be several (Option::_add_result). It is a name
// of a file, or nothing.
void protect_brackets(std::string& argument) {
    if (argument.starts_with('[') && argument.ends_with(']')) {
        argument.insert(0, "./");
    }
}

Result<void> allow_libraries(const std::vector<std::string>& paths) {
    for (const auto& path : paths) {
        if (auto allowed = allow_library(path); !allowed) {
            return allowed;
        }
    }
    return {};
}

}  // namespace

Result<CommandLine> parse_command_line(std::vector<std::string> arguments) {
    Grammar grammar({ECRYPTFS_LIBEXECDIR "/ecryptfs-pki-host", ECRYPTFS_MODULEDIR});
    grammar.app.set_version_flag("--version", "ecryptfsctl " ECRYPTFS_VERSION, "Print the version");
    const auto typed = arguments;
    std::ranges::for_each(arguments, protect_brackets);
    std::ranges::reverse(arguments);  // CLI11 takes them off the back
    try {
        grammar.app.parse(std::move(arguments));
    } catch (const CLI::CallForVersion& version) {
        return CommandLine{ShowText{fmt::format("{}\n", version.what())}, {}};
    } catch (const CLI::CallForHelp&) {
        return CommandLine{ShowText{grammar.app.help()}, {}};
    } catch (const CLI::ParseError& error) {
        return std::unexpected(usage_error(grammar.app, error.what(), typed));
    }
    return CommandLine{grammar.chosen(), grammar.common};
}

base::Result<void> run(const ShowText& command) {
    return print(command.text);
}

int run_command_line(std::vector<std::string> arguments) {
    remember_typed_command(arguments);
    const auto line = parse_command_line(std::move(arguments));
    auto done = line ? Result<void>() : std::unexpected(line.error());
    if (line) {
        if (line->common.quiet) {
            be_quiet();
        }
        ask_by(line->common.askpass);
        style_output(style_of(STDOUT_FILENO));
        done = allow_libraries(line->common.allowed_libraries);
    }
    if (line && done) {
        done = std::visit([](const auto& chosen) { return run(chosen); }, line->command);
    }
    if (done) {
        return 0;
    }
    report(with_typed_consent(done.error()));
    return base::traits(done.error().code).status;
}

}  // namespace ecryptfs::cli
