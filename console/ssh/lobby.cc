#include "console/ssh/lobby.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/printable.h"

namespace sluice::console {
namespace {

using namespace std::chrono_literals;

constexpr auto greeting_within = 3s;
constexpr auto patient_after = 250ms;
constexpr std::size_t longest_greeting = 255;  // RFC 4253, 4.2
constexpr std::uint32_t largest_packet = 256 * 1024;

constexpr std::size_t looked_at =
    longest_greeting + 2048;  // and what is behind it: the proposals of clients are shorter
constexpr std::size_t cookie_size = 16;
constexpr int lists_of_names = 10;
constexpr unsigned char proposal_message = 20;

bool may_become_a_greeting(std::string_view text) {
  constexpr std::string_view first = "SSH-2.0-", second = "SSH-1.99-";
  const bool begins = text.starts_with(first.substr(0, text.size())) || text.starts_with(second.substr(0, text.size()));
  const auto line = text.substr(0, text.find_first_of("\r\n"));
  return begins && std::ranges::none_of(line, [](unsigned char c) { return c < 0x20; });  // RFC 4253, 4.2
}

// A number of four bytes; of one that has come in part the least that it can be.
std::uint32_t number_at(std::string_view text, std::size_t at) {
  std::uint32_t number = 0;
  for (std::size_t i = at; i < at + 4; ++i)
    number = number << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0U);
  return number;
}

// What a client proposes for the keys, `size` bytes of which some have come: behind the cookie lists of names, which
// are printable, and hold no blank (RFC 4253, 7.1; RFC 4251, 6).
bool may_become_a_proposal(std::string_view text, std::size_t size) {
  std::size_t at = cookie_size;
  for (int list = 0; list < lists_of_names; ++list) {
    if (at + 4 > size) return false;
    const std::size_t length = number_at(text, at);
    at += 4;
    if (length > size - at) return false;
    if (at > text.size()) return true;
    const auto names = text.substr(at, length);
    if (std::ranges::any_of(names, [](unsigned char c) { return c <= 0x20 || c >= 0x7f; })) return false;
    if (names.size() < length) return true;
    at += length;
  }
  return true;
}

// What follows a greeting can be the first packet, as far as it has come: it is not encrypted, a multiple of eight
// long, and its message is one of those before the keys are exchanged (RFC 4253, 6 and 12).
bool may_become_a_packet(std::string_view text) {
  const std::uint32_t length = number_at(text, 0);
  if (length > largest_packet) return false;
  if (text.size() < 4) return true;
  if (length < 12 || (length + 4) % 8 != 0) return false;
  if (text.size() < 6) return true;
  const auto padding = static_cast<unsigned char>(text[4]), message = static_cast<unsigned char>(text[5]);
  if (padding < 4 || padding + 2U > length) return false;
  if (message == proposal_message) return may_become_a_proposal(text.substr(6), length - padding - 2U);
  return message >= 1 && message <= 4;
}

// The first line of what a stranger said, as far as a person reads it.
std::string said(std::string_view text) {
  return printable(text.substr(0, text.find_first_of("\r\n", 1)), 40);
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
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) close(std::prev(guests_.end()), "had to leave: no memory");
}

// Returns why it is to be closed; empty if it may stay.
std::string Lobby::trouble_of(Guest& guest, bool left) {
  char block[looked_at];
  const auto got = recv(guest.fd, block, sizeof block, MSG_PEEK | MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  if (got <= 0) return "left without a word";
  const std::string_view text(block, static_cast<std::size_t>(got));
  const auto end = text.substr(0, longest_greeting).find('\n');
  if (!may_become_a_greeting(text)) return fmt::format("said '{}', which is not SSH 2", said(text));
  if (end == text.npos) {
    if (text.size() >= longest_greeting) return fmt::format("began '{}', a greeting without an end", said(text));
    return left ? fmt::format("left after '{}'", said(text)) : std::string();
  }
  if (!may_become_a_packet(text.substr(end + 1)))
    return fmt::format("greeted as '{}' and sent '{}', which is not an SSH packet", said(text),
                       said(text.substr(end + 1)));
  guest.greeted = true;
  return {};
}

void Lobby::look(Clock::time_point now) {
  epoll_event events[64];
  const int count = epoll_wait(epoll_, events, std::size(events), 0);
  for (int i = 0; i < count; ++i) {
    auto* guest = static_cast<Guest*>(events[i].data.ptr);
    auto why = trouble_of(*guest, (events[i].events & (EPOLLRDHUP | EPOLLHUP)) != 0);
    if (!why.empty()) close(std::ranges::find(guests_, guest->fd, &Guest::fd), std::move(why));
  }
  while (!guests_.empty() && now - guests_.front().since > greeting_within) {
    char block[looked_at];
    const auto got = recv(guests_.front().fd, block, sizeof block, MSG_PEEK | MSG_DONTWAIT);
    close(guests_.begin(),
          got <= 0 ? "said nothing for 3 s"
                   : fmt::format("said '{}' within 3 s and no more", said({block, static_cast<std::size_t>(got)})));
  }
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
  close(guests_.begin(), "had to leave before its greeting: there were newcomers, and no room");
  return true;
}

std::vector<Lobby::Closed> Lobby::take_closed() {
  return std::exchange(closed_, {});
}

Lobby::Guest Lobby::take(Place place) {
  epoll_ctl(epoll_, EPOLL_CTL_DEL, place->fd, nullptr);
  const Guest guest = *place;
  guests_.erase(place);
  return guest;
}

void Lobby::close(Place place, std::string why) {
  const Guest guest = take(place);
  ::close(guest.fd);
  closed_.push_back({guest.peer, std::move(why)});
}

}  // namespace sluice::console
