// What a command line gets wrong, in one line that names the word and the nearest known one.
//
// Pure; the main thread.
#pragma once

#include <CLI/CLI.hpp>
#include <span>
#include <string>

namespace sluice::runtime {

// `words`: the command line behind the program's name, which `error` was thrown for.
std::string usage_error(const CLI::App& app, std::span<const char* const> words, const CLI::ParseError& error);

}  // namespace sluice::runtime
