#include "console/ssh/lobby.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

namespace sluice::console {
namespace {

using namespace std::chrono_literals;

constexpr auto greeting_within = 3s;
constexpr auto patient_after = 250ms;
constexpr std::size_t longest_greeting = 255;  // RFC 4253, 4.2

bool may_become_a_greeting(std::string_view text) {
  constexpr std::string_view first = "SSH-2.0-", second = "SSH-1.99-";
  return text.starts_with(first.substr(0, text.size())) || text.starts_with(second.substr(0, text.size()));
}

}  // namespace

Lobby::Lobby() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

Lobby::~Lobby() {
  while (close_first()) {
  }
  if (epoll_ >= 0) ::close(epoll_);
}

void Lobby::enter(int fd, const Address& peer, Clock::time_point now) {
  if (guests_.size() >= most) close_first();
  guests_.push_back({.fd = fd, .peer = peer, .greeted = false, .since = now});
  // By edges: what was peeked at stays readable, and would wake the thread again and again.
  epoll_event event{.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data = {.ptr = &guests_.back()}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) close(std::prev(guests_.end()));
}

// Returns false if it is to be closed.
bool Lobby::heard(Guest& guest) const {
  char block[longest_greeting];
  const auto got = recv(guest.fd, block, sizeof block, MSG_PEEK | MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  const std::string_view text(block, static_cast<std::size_t>(got));
  guest.greeted = text.find('\n') != text.npos;
  return got > 0 && may_become_a_greeting(text) && (guest.greeted || text.size() < longest_greeting);
}

void Lobby::look(Clock::time_point now) {
  epoll_event events[64];
  const int count = epoll_wait(epoll_, events, std::size(events), 0);
  for (int i = 0; i < count; ++i) {
    auto* guest = static_cast<Guest*>(events[i].data.ptr);
    if (heard(*guest)) continue;
    close(std::ranges::find(guests_, guest->fd, &Guest::fd));
  }
  while (!guests_.empty() && now - guests_.front().since > greeting_within) close_first();
}

std::optional<Lobby::Guest> Lobby::next_greeted() {
  const auto place = std::ranges::find_if(guests_, &Guest::greeted);
  if (place == guests_.end()) return std::nullopt;
  return take(place);
}

std::optional<Lobby::Guest> Lobby::next_patient(Clock::time_point now) {
  if (guests_.empty() || now - guests_.front().since < patient_after) return std::nullopt;
  return take(guests_.begin());
}

bool Lobby::close_first() {
  if (guests_.empty()) return false;
  close(guests_.begin());
  return true;
}

std::size_t Lobby::take_closed() {
  return std::exchange(closed_, 0);
}

Lobby::Guest Lobby::take(Place place) {
  epoll_ctl(epoll_, EPOLL_CTL_DEL, place->fd, nullptr);
  const Guest guest = *place;
  guests_.erase(place);
  return guest;
}

void Lobby::close(Place place) {
  ::close(take(place).fd);
  ++closed_;
}

}  // namespace sluice::console
