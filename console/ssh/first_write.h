// The first data of a channel, which the library cannot send to every client.
//
// From what a packet may hold by its client's word, libssh takes ten bytes for its own; where that leaves nothing it
// sends packets without data for as long as its buffer grows, which is 256 MiB and half a minute, and nothing that a
// caller can set ends it. What comes out of that loop is a line for the library's log behind each packet. So while the
// first data is written that log is listened to, and the loop is left by a jump over its frames: they are of C and hold
// nothing, and the packet is complete. A library that logs otherwise is written to as before. Of the session's thread.
#pragma once

#include <libssh/libssh.h>

#include <string_view>

namespace sluice::console {

inline constexpr int nothing_fits = -1000;  // no code of the library

// Returns what the library's own writing does; nothing_fits: never write to this channel again.
int write_first(ssh_channel channel, std::string_view text, bool err);

}  // namespace sluice::console
