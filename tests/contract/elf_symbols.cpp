// SPDX-License-Identifier: Apache-2.0

#include "tests/contract/elf_symbols.h"

#include <elf.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace ecryptfs::contract {
namespace {

template <typename T>
T read_at(const std::string& file, std::size_t offset) {
    if (offset > file.size() || file.size() - offset < sizeof(T)) {
        throw std::runtime_error("an ELF file that ends early");
    }
    T value;
    std::memcpy(&value, file.data() + offset, sizeof value);
    return value;
}

Elf64_Shdr section(const std::string& file, std::size_t index) {
    const auto header = read_at<Elf64_Ehdr>(file, 0);
    return read_at<Elf64_Shdr>(file, header.e_shoff + index * header.e_shentsize);
}

}  // namespace

std::vector<std::string> exported_symbols(const std::string& so_path) {
    std::ifstream stream(so_path, std::ios::binary);
    const std::string file{std::istreambuf_iterator<char>(stream), {}};
    const auto header = read_at<Elf64_Ehdr>(file, 0);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < header.e_shnum; ++i) {
        const auto symbols = section(file, i);
        if (symbols.sh_type != SHT_DYNSYM) {
            continue;
        }
        const auto texts = section(file, symbols.sh_link);
        for (std::size_t at = 0; at < symbols.sh_size; at += sizeof(Elf64_Sym)) {
            const auto symbol = read_at<Elf64_Sym>(file, symbols.sh_offset + at);
            if (symbol.st_shndx != SHN_UNDEF) {
                names.emplace_back(file.c_str() + texts.sh_offset + symbol.st_name);
            }
        }
    }
    return names;
}

}  // namespace ecryptfs::contract
