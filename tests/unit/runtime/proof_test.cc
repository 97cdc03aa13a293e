#include "runtime/control/proof.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/control/proof_report.h"
#include "runtime/control/standing_proof.h"
#include "runtime/receipt_fates.h"

namespace sluice::runtime {
namespace {

// One partition that is as it should be: offsets 10 to 19 of a log from 5 to 25.
struct Books : Evidence {
  Books() {
    topics = {"orders"};
    partitions = {at};
    accounts.push_back({});
    pointer().at = at;
    pointer().start = 10;
    pointer().next = 20;
    pointer().counts = {.applied = 4, .folded = 3, .skipped = 0, .dead = 2, .gaps = 1};
    account().letters = 2;
    account().open_letters = 1;
    before.emplace(at, listener::LogRange{5, 22, 22});
    after.emplace(at, listener::LogRange{6, 25, 25});
  }
  sink::Account& account() { return accounts.front(); }
  PointerRow& pointer() { return account().pointer; }

  const TopicPartition at{"orders", 3};
};

PartitionProof only(const Evidence& evidence) {
  auto proof = judge(evidence);
  EXPECT_EQ(proof.partitions.size(), 1u);
  EXPECT_EQ(proof.holds(), proof.partitions.front().verdict == Verdict::proved && proof.problems.empty());
  return proof.partitions.front();
}

void expect_one(const Evidence& evidence, Verdict verdict, const std::string& beginning) {
  const auto proof = only(evidence);
  EXPECT_EQ(proof.verdict, verdict);
  ASSERT_EQ(proof.problems.size(), 1u) << testing::PrintToString(proof.problems);
  EXPECT_TRUE(proof.problems.front().starts_with(beginning)) << proof.problems.front();
}

TEST(Proof, books_that_agree_are_proved_and_what_is_not_applied_yet_is_lag) {
  const auto proof = only(Books());
  EXPECT_EQ(proof.verdict, Verdict::proved) << testing::PrintToString(proof.problems);
  EXPECT_EQ(proof.lag(), 5);
}

TEST(Proof, what_is_told_of_some_partitions_is_of_all_of_them) {
  const auto whole = judge(Books());
  auto proof = whole;
  keep_only({{"orders", 3}}, proof);
  EXPECT_TRUE(proof.holds());
  EXPECT_EQ(sum_of(proof), "proved: 1 of 1 partition, 10 offsets; 5 not applied yet");
  keep_only({{"orders", 3}, {"orders", 4}}, proof);
  EXPECT_FALSE(proof.holds()) << "one that was not looked at is not proved";
  EXPECT_EQ(problems_of(proof),
            (std::vector<std::string>{"orders/4: not proved, neither Kafka nor a pointer names it"}));
  proof = whole;
  keep_only({{"payments", 0}}, proof);
  EXPECT_FALSE(proof.holds());
  EXPECT_TRUE(section_of(proof).rows.empty());
}

TEST(Proof, a_record_more_or_less_in_any_count_breaks_the_accounting) {
  for (auto count : {&Counts::applied, &Counts::folded, &Counts::skipped, &Counts::gaps}) {
    for (int by : {1, -1}) {
      if (count == &Counts::skipped && by < 0) continue;
      Books books;
      books.pointer().counts.*count += by;
      expect_one(books, Verdict::failed, "the accounting does not hold: 10 offsets lie between start 10 and next 20");
    }
  }
  Books negative;
  negative.pointer().counts.skipped = -1;
  negative.pointer().counts.applied = 5;
  expect_one(negative, Verdict::failed, "the accounting has a count below zero");
}

TEST(Proof, open_letters_are_accounted_for_and_resolved_ones_may_only_be_missing_once_they_are_old) {
  Books books;
  books.account().open_letters = books.account().letters = 3;
  expect_one(books, Verdict::failed, "3 dead letters of its offsets are open, 2 are accounted for");
  books.account().open_letters = 2;  // resolved, of a time before a rewind
  EXPECT_EQ(only(books).verdict, Verdict::proved);
  books.account().open_letters = books.account().letters = 1;
  expect_one(books, Verdict::failed, "2 dead letters are accounted for, 1 are stored");
  books.account().letters_may_be_gone = true;
  EXPECT_EQ(only(books).verdict, Verdict::proved);
}

TEST(Proof, a_pointer_is_within_the_log_as_it_was_before_and_after_the_look) {
  Books books;
  books.before.at(books.at)->first = 21;
  books.after.at(books.at)->first = 21;
  expect_one(books, Verdict::failed, "the log begins at 21: the offsets 20 to 20 are gone");
  books.before.at(books.at)->first = 20;  // retention came while the pointers were read
  EXPECT_EQ(only(books).verdict, Verdict::proved);
  Books short_log;
  short_log.before.at(books.at)->end = 19;  // records came while the pointers were read
  short_log.after.at(books.at)->end = 20;
  EXPECT_EQ(only(short_log).verdict, Verdict::proved);
  short_log.after.at(books.at)->end = 19;
  expect_one(short_log, Verdict::failed, "the log ends at 19, before the pointer, which is at 20");
}

TEST(Proof, a_stopped_partition_is_not_proved_and_its_reason_is_told) {
  Books books;
  books.pointer().state = PartitionState::poison;
  books.pointer().reason = "offset 20: no";
  expect_one(books, Verdict::failed, "state poison: offset 20: no");
}

TEST(Proof, partitions_without_a_pointer_and_pointers_without_a_partition_are_found) {
  Books books;
  books.partitions = {{"orders", 2}, books.at};
  books.before.emplace(TopicPartition{"orders", 2}, listener::LogRange{0, 0, 0});
  books.after.emplace(TopicPartition{"orders", 2}, listener::LogRange{0, 0, 0});
  const auto two = judge(books);
  ASSERT_EQ(two.partitions.size(), 2u);
  EXPECT_EQ(two.partitions[0].problems,
            std::vector<std::string>{"Kafka has this partition, and the pipeline no pointer for it"});
  EXPECT_EQ(two.partitions[1].verdict, Verdict::proved);
  EXPECT_FALSE(two.holds());

  Books gone;
  gone.partitions.clear();
  gone.before.clear();
  gone.after.clear();
  expect_one(gone, Verdict::failed, "Kafka has no such partition");
  gone.topics.clear();
  const auto others = judge(gone);
  EXPECT_TRUE(others.partitions.empty());
  EXPECT_EQ(others.notes.size(), 1u);
  EXPECT_EQ(others.problems, std::vector<std::string>{"there is no partition to prove"});
}

TEST(Proof, what_could_not_be_asked_is_not_proved_and_what_contradicts_itself_fails_all_the_same) {
  Books books;
  books.unknown = {"Kafka is away"};
  books.partitions.clear();
  books.before.clear();
  books.after.clear();
  EXPECT_EQ(judge(books).problems, std::vector<std::string>{"Kafka is away"}) << "once for all partitions";
  EXPECT_EQ(only(books).verdict, Verdict::unknown);
  EXPECT_EQ(only(books).problems, std::vector<std::string>{});
  ++books.pointer().next;
  EXPECT_EQ(only(books).verdict, Verdict::failed);

  Books silent;
  silent.after.at(silent.at) = sluice::fail(ErrorClass::retry, "no answer");
  expect_one(silent, Verdict::unknown, "no answer");
}

TEST(Proof, a_receipt_says_of_a_record_what_is_known_of_it) {
  EXPECT_EQ(fate_text(19, {10, 20, {}, ""}), "applied");
  EXPECT_EQ(fate_text(20, {10, 20, {}, ""}), "not yet");
  EXPECT_EQ(fate_text(20, {10, 20, 7, ""}), "not yet") << "the letter is of a time before a rewind";
  EXPECT_EQ(fate_text(0, {}), "not yet");
  EXPECT_EQ(fate_text(9, {10, 20, {}, ""}), "unknown (it lies before start_offset 10)");
  EXPECT_EQ(fate_text(12, {10, 20, 7, ""}), "dead (letter 7)");
  EXPECT_EQ(fate_text(12, {10, 20, 7, "replayed by alice"}), "dead (letter 7, replayed by alice)");
}

TEST(StandingProof, says_what_is_wrong_once_and_that_it_holds_again) {
  ProofNews news;
  const Books good;
  Books bad;
  bad.pointer().counts.applied -= 1;
  const auto told = [&](const Evidence& evidence) { return news.of(judge(evidence)); };
  const auto first = told(good);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_FALSE(first.front().error);
  EXPECT_EQ(first.front().text, "the books hold: 1 partitions, 10 offsets");
  EXPECT_TRUE(told(good).empty());
  const auto wrong = told(bad);
  ASSERT_EQ(wrong.size(), 1u);
  EXPECT_TRUE(wrong.front().error);
  EXPECT_TRUE(wrong.front().text.starts_with("orders/3: the accounting does not hold: ")) << wrong.front().text;
  EXPECT_TRUE(told(bad).empty());
  EXPECT_EQ(told(good).size(), 1u);
}

TEST(StandingProof, the_lines_of_one_proof_are_limited) {
  Proof proof;
  proof.problems.assign(1000, "wrong");
  const auto lines = ProofNews().of(proof);
  ASSERT_EQ(lines.size(), ProofNews::lines_at_most + 1);
  EXPECT_EQ(lines.back().text, "and 980 more; sluice verify names all");
}

}  // namespace
}  // namespace sluice::runtime
