// Connections that have not said who they are: they wait here until their greeting is complete, and cost a descriptor.
//
// Owned by the server and used by its accepting thread only. Nothing is read, only looked at: the library reads, once
// somebody has said `SSH-2.0-…` with a line end, and nothing behind it that no client of SSH sends, and is given a
// thread. So a crowd of silent or halting strangers takes no thread, no memory and nobody's place. Bounded in number,
// by closing the oldest, and in time.
#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "console/ssh/network.h"

namespace sluice::console {

class Lobby {
 public:
  struct Guest {
    int fd = -1;
    Address peer{};
    bool greeted = false;
    Clock::time_point since{};
  };
  // One that was closed, for the log.
  struct Closed {
    Address peer{};
    std::string why;  // without anything that commands a terminal
  };
  static constexpr std::size_t most = 256;

  Lobby();
  ~Lobby();
  Lobby(const Lobby&) = delete;
  Lobby& operator=(const Lobby&) = delete;

  // Readable when somebody said something; -1: there was no descriptor for it.
  int fd() const { return epoll_; }
  std::size_t size() const { return guests_.size(); }

  // Takes the descriptor over.
  void enter(int fd, const Address& peer, Clock::time_point now);
  // Looks at what was said and closes what is not SSH, or has said nothing for too long.
  void look(Clock::time_point now);
  // The next one whose greeting is complete; its descriptor is the caller's.
  std::optional<Guest> next_greeted();
  // One that has been silent for so long that it may be waiting for the server's greeting.
  std::optional<Guest> next_patient(Clock::time_point now);
  // Closes the oldest, to have its descriptor. Returns false if there is none.
  bool close_first();
  // Those that were closed without having greeted since the last time; to be taken at each turn.
  std::vector<Closed> take_closed();

 private:
  using Place = std::list<Guest>::iterator;
  static std::string trouble_of(Guest& guest, bool left);
  Guest take(Place place);
  void close(Place place, std::string why);

  int epoll_;
  std::list<Guest> guests_;  // oldest first
  std::vector<Closed> closed_;
};

}  // namespace sluice::console
