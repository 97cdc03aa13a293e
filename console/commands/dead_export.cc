// dead export: dead letters as lines of JSON, for scripts and for `sluice publish --envelope`.
#include "base/codec.h"
#include "base/printable.h"
#include "console/commands/dead_letter_filter.h"
#include "console/commands/registry.h"

namespace sluice::console {
namespace {

// Of what is asked for at a time: letters without their contents, then contents of some of them, one letter at least.
constexpr int page_letters = 500;
constexpr std::int64_t slice_bytes = 2 << 20;

// Of each of key and value one column: text as a string; bytes that are no text under another name, in base64, so that
// nobody takes one for the other. U+0000 is none either, as in the stored headers: `publish` takes no such string.
// Without value and headers where they were not kept: there is nothing to publish then, and `publish` says so.
Section export_record_result() {
  return {.columns = {{.name = "key", .optional = true, .nullable = true},
                      {.name = "key_base64", .optional = true},
                      {.name = "value", .optional = true, .nullable = true},
                      {.name = "value_base64", .optional = true},
                      {.name = "headers", .kind = ColumnType::json, .optional = true}},
          .record = true};
}

Section export_letter_result() {
  return {
      .name = "letter",
      .columns = letter_columns(
          {{.name = "id", .kind = ColumnType::id}, {.name = "topic"}, {.name = "partition", .kind = ColumnType::id}}),
      .record = true};
}

Section about(const DeadLetterRow& letter) {
  auto cells = letter_cells(letter);
  cells["topic"] = letter.at.topic;
  cells["partition"] = std::int64_t{letter.at.partition};
  return filled_by_name(export_letter_result(), std::move(cells));
}

Report letter_report(const DeadLetterRow& letter) {
  std::map<std::string_view, report::Value> cells;
  const auto add = [&](std::string_view text, std::string_view base64, const std::optional<std::string>& bytes) {
    if (!bytes || (bytes->find('\0') == bytes->npos && valid_utf8(*bytes) == *bytes)) {
      cells[text] = optional_text(bytes);
    } else {
      std::string encoded;
      append_base64(*bytes, encoded);
      cells[base64] = std::move(encoded);
    }
  };
  add("key", "key_base64", letter.key);
  if (letter.kept) {
    add("value", "value_base64", letter.value);
    cells["headers"] = letter.headers;
  }
  Report report;
  report.sections = {report::filled_by_name(export_record_result(), std::move(cells)), about(letter)};
  return report;
}

// Writes the letters of a page, whose contents are fetched slice by slice.
Result<std::int64_t> write_page(Call& call, DeadLetters& dead_letters, const std::vector<DeadLetterRow>& page,
                                bool resolved) {
  std::int64_t written = 0;
  for (std::size_t first = 0; first < page.size();) {
    DeadLetterFilter slice;
    slice.contents = true;
    slice.resolved = resolved;
    for (std::int64_t bytes = 0; first < page.size() && (slice.ids.empty() || bytes < slice_bytes); ++first) {
      bytes += page[first].bytes;
      slice.ids.push_back(page[first].id);
    }
    slice.limit = static_cast<int>(slice.ids.size());
    const auto letters = dead_letters.dead_letters(slice);
    if (!letters) return std::unexpected(letters.error());
    for (const auto& letter : *letters) {
      if (call.stop().stop_requested()) return written;
      call.stream().write_line(letter_report(letter));
      ++written;
    }
  }
  return written;
}

// What arrives meanwhile is left alone, so that an export ends.
Result<bool> bound_by_the_newest(DeadLetters& dead_letters, DeadLetterFilter& filter) {
  DeadLetterFilter newest = filter;
  newest.order = LetterOrder::newest;
  newest.limit = 1;
  const auto last = dead_letters.dead_letters(newest);
  if (!last) return std::unexpected(last.error());
  if (last->empty()) return false;
  filter.up_to = last->front().id;
  return true;
}

int dead_export(Call& call, DeadLetters& dead_letters, const Snapshots& snapshots, Positions& positions,
                const config::Pipeline& pipeline) {
  auto filter = letter_filter(call, page_letters);
  if (!filter) return filter.error();
  const auto some = bound_by_the_newest(dead_letters, *filter);
  if (!some) return call.fail(some.error());
  if (!*some)
    if (const int code = check_names(call, *filter, {dead_letters, snapshots, positions, pipeline}); code != Code::done)
      return code;
  std::int64_t written = 0;
  const auto incomplete = [&](const Error& error) {
    if (written == 0) return call.fail(error);
    call.remark(counted_letters(written, filter->resolved));
    return call.fail(Code::partly_done, "the export ends after {}: {}", counted_letters(written, filter->resolved),
                     error.message);
  };
  for (bool more = *some; more;) {
    const auto page = dead_letters.dead_letters(*filter);
    if (!page) return incomplete(page.error());
    const auto done = write_page(call, dead_letters, *page, filter->resolved);
    if (!done) return incomplete(done.error());
    written += *done;
    call.remark(counted_letters(written, filter->resolved));
    if (call.stop().stop_requested()) return Code::interrupted;
    more = std::cmp_greater_equal(page->size(), page_letters);
    if (more) filter->after = LetterPlace{page->back().at, page->back().offset, page->back().generation};
  }
  call.remark(counted_letters(written, filter->resolved));
  return Code::done;
}

}  // namespace

std::vector<Command> dead_export_commands() {
  return {
      {.words = "dead export",
       .options = letter_filter_options(),
       .role = Role::operator_,
       .effect = Effect::shows_data,
       .lines = true,
       .group = "records",
       .summary = "The dead letters as lines of JSON on stdout, whole and in the order of their offsets: key, value "
                  "(key_base64, value_base64 where it is no text), headers, and what is known of the letter. `sluice "
                  "publish --envelope` takes them.",
       .examples = {"dead export", "dead export --table public.orders --since 2h", "dead export --all"},
       .result = {export_record_result(), export_letter_result()},
       .run = handler<dead_export>},
  };
}

}  // namespace sluice::console
