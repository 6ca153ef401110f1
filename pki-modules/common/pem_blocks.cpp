// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/common/pem_blocks.h"

#include <fmt/format.h>

#include <optional>
#include <string>

namespace ecryptfs::module {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kDashes = "-----";

// The block that begins at the start of `text`. Nothing if the first line is no BEGIN line.
std::optional<PemBlock> block_at_start(std::string_view text) {
    const std::string_view line = text.substr(0, text.find_first_of("\r\n"));
    const std::size_t label_end = line.find(kDashes, kBegin.size());
    if (label_end == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view label = line.substr(kBegin.size(), label_end - kBegin.size());
    const std::string end_line = fmt::format("-----END {}-----", label);
    const std::size_t end = text.find(end_line);
    if (end == std::string_view::npos) {
        return PemBlock{label, text, false};
    }
    return PemBlock{label, text.substr(0, end + end_line.size()), true};
}

}  // namespace

std::vector<PemBlock> find_pem_blocks(std::string_view file) {
    std::vector<PemBlock> blocks;
    for (std::size_t start = file.find(kBegin); start != std::string_view::npos;
         start = file.find(kBegin)) {
        file.remove_prefix(start);
        const auto block = block_at_start(file);
        if (block) {
            blocks.push_back(*block);
        }
        file.remove_prefix(block ? block->text.size() : kBegin.size());
    }
    return blocks;
}

}  // namespace ecryptfs::module
