// Options of one command together: each has its effect beside each other one, or the two are refused with clear words.
#include <gtest/gtest.h>

#include <ranges>
#include <regex>

#include "base/log.h"
#include "console/command.h"
#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

using Names = std::set<std::string>;

// What an option's value is beside one that is looked at, and what it is when its own effect is looked for.
struct Spelling {
  std::string beside, probed;
};

// Of commands that name the same option but mean another thing by it, the one with its command's words goes first.
const std::map<std::string, Spelling, std::less<>>& spellings() {
  static const std::map<std::string, Spelling, std::less<>> all{
      {"timeout", {"20s", "1ms"}},
      {"watch", {"1s", "1s"}},
      {"lag", {"1h", "999d"}},
      {"dead", {"1", "200"}},
      {"dead-since", {"1h", "1h"}},
      {"pause-age", {"1h", "9h"}},
      {"sort", {"lag", "lag"}},
      {"over", {"15m", "10s"}},
      {"last", {"2", "1"}},
      {"limit", {"2", "1"}},
      {"reason", {"because", "for a test"}},
      {"for", {"1h", "2h"}},
      {"offset", {"12345678", "5"}},
      {"expect", {"12345678", "12345678"}},
      {"table", {"public.orders", "public.items"}},
      {"topic", {"shop.orders", "shop.items"}},
      {"since", {"1h", "2h"}},
      {"older", {"1s", "1d"}},
      {"to", {"1", "1"}},
      {"letters", {"2", "1"}},
      {"by", {"table", "table"}},
      {"audit by", {"alice", "bob"}},
      {"filter", {"@op = 'd'", "@op = 'd'"}},
  };
  return all;
}

// A service, and one line told to it.
class Trial : public ConsoleTest {
 public:
  // `probed` is the one whose effect is looked for.
  Trial(const Command& command, const Names& options, const std::string& probed)
      : command_(command), options_(options), probed_(probed) {
    add_letters(3);
    for (auto& letter : admin.letters) letter.created = WallClock::now() - (letter.id == 1 ? 24h : 1min);
    admin.now.dead_letters_open = 3;
    admin.now.partitions[1].end += 1'000'000'000;
    admin.now.partitions[0].state = options.contains("pause") ? PartitionState::ok : PartitionState::poison;
    admin.now.partitions[0].reason = "a bad record";
    admin.now.partitions[3].state = PartitionState::paused;
    admin.now.pauses = {{"shop.items", "a look", "bob", WallClock::now() - 2h, {}}};
    admin.more_events = {{1, WallClock::now() - 2h, "node-a", "started", "", 0, "", "", "the first"},
                         {2, WallClock::now() - 1h, "node-a", "ended", "", 0, "", "", "the second"},
                         {3, WallClock::now() - 1min, "node-b", "started", "", 0, "", "", "the third"}};
    LogRecord record{.at = {"shop.orders", 0}, .offset = 5, .timestamp = {}, .key = "1", .value = "{}", .headers = {}};
    admin.tail_news.push_back({.records = std::vector<LogRecord>(5000, record), .troubles = {}});
    admin.obedient = probed != "timeout";
    if (!admin.obedient && !options.contains("timeout"))
      admin.looked = [this] {
        if (++looks_ == 3) stop_.request_stop();  // it would wait for what never comes
      };
  }
  void TestBody() override {}

  // All that can be seen of it: what it prints and returns, and what reaches the service.
  std::string outcome() {
    Watching output(stop_, options_.contains("watch") || options_.contains("follow"));
    auto done = interpreter.execute(line(), login, terminal, output, stop_.get_token());
    std::string seen = fmt::format("{}\n{}\n{}", done.code, output.stdout_text, output.stderr_text);
    std::smatch plan;
    if (std::regex_search(output.stderr_text, plan, std::regex("'apply ([^']+)'"))) {
      Captured applied;
      interpreter.execute("apply " + plan[1].str(), login, terminal, applied, stop_.get_token());
      seen += applied.stderr_text;
    }
    for (const auto& move : admin.moves) seen += fmt::format("moved to {}: {}\n", move.to, reason_of(move));
    // How often it asks the same within a millisecond is the machine's to say.
    for (std::string_view last; const auto& call : admin.calls)
      if (std::exchange(last, call) != call) seen += call + '\n';
    for (const auto& pause : admin.now.pauses)
      seen += fmt::format("{} until {}\n", pause.target, pause.expires ? rounded(*pause.expires - pause.at) : 0);
    for (const auto& one : admin.letters_asked) seen += text_of(one);
    for (const auto by : admin.groupings) seen += fmt::format("by {}\n", static_cast<int>(by));
    for (const auto& one : admin.trail_asked)
      seen += fmt::format("{} {} {}\n", one.by, one.since ? rounded(WallClock::now() - *one.since) : 0, one.limit);
    static const std::regex passing(R"(p-[0-9a-f]+|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?)");
    return std::regex_replace(seen, passing, "…");
  }

  std::string line() const {
    const std::string words(command_.words);
    std::string text = words + first_words();
    for (const Option& option : command_.options) {
      const std::string name(option.name);
      const bool given = options_.contains(name);
      if (!given && option.required.empty()) continue;
      text += " --" + name;
      if (option.value == ArgumentKind::none) continue;
      const auto special = spellings().find(words + ' ' + name);
      const auto& spelling = special != spellings().end() ? special->second : spellings().at(name);
      const auto& value = given && name == probed_ ? spelling.probed : spelling.beside;
      text += option.value == ArgumentKind::text && name == "filter" ? fmt::format(" \"{}\"", value) : " " + value;
    }
    return text;
  }

 private:
  // Ends what goes on by itself with the first thing that it shows.
  struct Watching : Captured {
    Watching(std::stop_source& source, bool at_once) : stop(source), ends(at_once) {}
    void out(std::string_view text) override {
      Captured::out(text);
      if (ends) stop.request_stop();
    }
    std::stop_source& stop;
    bool ends;
  };

  static std::int64_t rounded(WallClock::duration span) {
    return std::chrono::round<std::chrono::minutes>(span).count();
  }
  static std::string reason_of(const Move& move) { return move.record ? move.record->reason : ""; }
  static std::string text_of(const DeadLetterFilter& filter) {
    return fmt::format("{} {} {} {} {} {} {} {} {}\n", filter.table, filter.topic, filter.reason,
                       filter.since ? rounded(WallClock::now() - *filter.since) : 0,
                       filter.until ? rounded(WallClock::now() - *filter.until) : 0, filter.resolved, filter.failed,
                       static_cast<int>(filter.order), filter.limit);
  }

  // Of the command, such that its options are about something.
  std::string first_words() const {
    const std::string_view words = command_.words;
    const auto any_of = [&](std::initializer_list<const char*> names) {
      return std::ranges::any_of(names, [&](const char* name) { return options_.contains(name); });
    };
    if (words == "pause" || words == "drain")
      return options_.contains("yes") || probed_ == "yes" ? " table public.orders" : " shop.orders/1";
    if (words == "skip" || words == "reclaim") return " shop.orders/0";
    if (words == "seek" || words == "rewind") return " shop.orders/0 -1000";
    if (words == "explain") return " shop.orders/0 5";
    if (words == "dead replay" && !any_of({"table", "topic", "reason"})) return " 1 2";
    if (words == "dead discard" && !any_of({"table", "topic", "older"})) return " 1 2";
    return "";
  }

  const Command& command_;
  const Names& options_;
  const std::string& probed_;
  std::stop_source stop_;
  int looks_ = 0;
};

// With all that its members need.
Names whole(const Command& command, Names names) {
  for (bool more = true; std::exchange(more, false);)
    for (const Option& option : command.options)
      if (!option.needs.empty() && names.contains(std::string(option.name)))
        more |= names.insert(std::string(option.needs)).second;
  return names;
}

bool go_together(const Command& command, const Names& names) {
  return std::ranges::none_of(command.options, [&](const Option& option) {
    return names.contains(std::string(option.name)) && names.contains(std::string(option.excludes));
  });
}

// Without this one, and without those that need it.
Names without(const Command& command, const Names& names, const std::string& name) {
  Names rest;
  for (const auto& one : names)
    if (!whole(command, {one}).contains(name)) rest.insert(one);
  return rest;
}

class ConsoleOptions : public ConsoleTest {
 protected:
  ConsoleOptions() {
    for (const auto* text : {"kind 1", "another", "kind 2", "the last"}) log::error("options", "{}", text);
  }
};

// The dashboard draws the time.
bool is_repeatable(const Command& command) {
  return command.words != "top";
}

// Says what is so anyway, for those who like to read it.
bool is_a_default(const Command& command, const std::string& option) {
  return (command.words == "shutdown" && option == "drain") || (command.words != "dead replay" && option == "dry-run");
}

TEST_F(ConsoleOptions, each_has_its_effect_beside_each_other_one_or_the_two_are_refused) {
  int looked_at = 0;
  for (const Command& command : commands() | std::views::filter(&is_repeatable))
    for (const Option& one : command.options)
      for (const Option& other : command.options) {
        const std::string probed(one.name);
        const Names both = whole(command, {probed, std::string(other.name)});
        if (&one == &other || !go_together(command, both) || is_a_default(command, probed)) continue;
        const Names rest = without(command, both, probed);
        if (!rest.contains(std::string(other.name))) continue;  // which does nothing alone
        const auto with = Trial(command, both, probed).outcome();
        EXPECT_EQ(with, Trial(command, both, probed).outcome()) << "not the same twice";
        EXPECT_NE(with, Trial(command, rest, probed).outcome())
            << "--" << probed << " does nothing in: " << Trial(command, both, probed).line();
        ++looked_at;
      }
  EXPECT_GT(looked_at, 200);
}

TEST_F(ConsoleOptions, what_would_have_no_effect_is_refused_in_one_place_and_the_help_says_so) {
  for (const Command& command : commands())
    for (const Option& option : command.options) {
      const auto page = run(fmt::format("help {}", command.words)).out;
      for (const auto& [related, words] : {std::pair(option.needs, "needs"), std::pair(option.excludes, "not with")}) {
        if (related.empty()) continue;
        EXPECT_EQ(std::ranges::count(command.options, related, &Option::name), 1) << command.words << " --" << related;
        EXPECT_NE(page.find(fmt::format("; {} --{}", words, related)), std::string::npos) << page;
      }
    }
  EXPECT_EQ(run("pause all --reason x --no-wait --timeout 5s").err,
            "error: --no-wait does not go with --timeout; keep one\n");
  EXPECT_EQ(run("seek shop.orders/0 start --timeout 5s").err,
            "error: --timeout needs --pause: if it streams: pause it until the plan is applied or dropped, or has "
            "expired\n");
  EXPECT_EQ(run("skip shop.orders/0 --yes").err,
            "error: --yes needs --expect POINTER: the present pointer; at another one nothing is done\n");
  EXPECT_EQ(run("skip shop.orders/0 --expect 5").err, "error: --expect needs --yes: do it at once, without a plan\n");
  for (const auto* line : {"count --exact --watch 2s", "count --timeout 5s", "incidents --follow --oldest",
                           "shutdown --drain --now --yes", "status --json --csv"}) {
    const auto refused = run(line);
    EXPECT_EQ(refused.code, Code::not_understood) << line;
    EXPECT_EQ(refused.out, "") << line;
  }
  EXPECT_TRUE(admin.calls.empty());
}

TEST_F(ConsoleOptions, what_does_not_go_with_what_is_there_is_not_offered) {
  const auto offered = [&](const std::string& text) { return interpreter.complete(text, login); };
  EXPECT_EQ(std::ranges::count(offered("incidents --"), "--oldest"), 1);
  EXPECT_EQ(std::ranges::count(offered("incidents --follow --"), "--oldest"), 0);
  EXPECT_EQ(std::ranges::count(offered("incidents --oldest --"), "--follow"), 0);
}

}  // namespace
}  // namespace sluice::console
