// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <functional>
#include <memory>

#include "lib/base/error.h"

namespace CLI {
class App;
}

namespace ecryptfs::cli {

// What --help says about a verb.
struct VerbText {
    const char* name;
    const char* description;
    const char* examples;  // a line each
};

// Carries out the verb with the options that were parsed. It prints its data and succeeds, or gives
// the error that ends the program.
using RunVerb = std::function<base::Result<void>()>;

// A verb of ecryptfsctl. `prepare` adds its options to a parser; what it gives is called after the
// parser has run.
struct Verb {
    VerbText text;
    RunVerb (*prepare)(CLI::App& parser);
};

// The verb of an options type, which has a `kText`, and these two functions beside it:
//     void add_options(CLI::App& parser, Options& options);
//     base::Result<void> run(const Options& options);
template <typename Options>
Verb make_verb() {
    return {Options::kText, [](CLI::App& parser) -> RunVerb {
                auto options = std::make_shared<Options>();
                add_options(parser, *options);
                return [options] { return run(*options); };
            }};
}

}  // namespace ecryptfs::cli
