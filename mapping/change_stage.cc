#include "mapping/change_stage.h"

namespace sluice::mapping {

void ChangeStage::clear() {
  changes_.clear();
  parts_.clear();
}

ChangeStage::Key ChangeStage::copy(const RowKey& key) {
  return {std::string(key.bytes), std::string(key.alike), key.loose, key.order};
}

void ChangeStage::append(const TableState& table, const std::vector<Cell>& cells) {
  changes_.push_back({.what = What::append, .table = &table, .cells = cells});
}

void ChangeStage::write(const TableState& table, const std::vector<Cell>& cells, const RowKey& key) {
  changes_.push_back({.what = What::write, .table = &table, .cells = cells, .key = copy(key)});
}

void ChangeStage::remove(const TableState& table, const std::vector<Cell>& cells, const RowKey& key) {
  changes_.push_back({.what = What::remove, .table = &table, .cells = cells, .key = copy(key)});
}

void ChangeStage::change_guarded(const TableState& table, ChangeKind kind, const std::vector<Cell>& cells,
                                 const RowKey& key, bool decides, RowCheck check) {
  changes_.push_back({.what = What::guarded,
                      .table = &table,
                      .cells = cells,
                      .key = copy(key),
                      .kind = kind,
                      .decides = decides,
                      .check = check});
}

void ChangeStage::truncate(const TableState& table) {
  changes_.push_back({.what = What::truncate, .table = &table});
}

void ChangeStage::replace_children(const TableState& table, const std::vector<Cell>& parent, const RowKey& key,
                                   std::span<const ChildRow> rows) {
  changes_.push_back(
      {.what = What::children, .table = &table, .cells = parent, .key = copy(key), .rows = {rows.begin(), rows.end()}});
}

void ChangeStage::note_use(const TableState& table, std::uint16_t column, ValuePolicy policy) {
  changes_.push_back({.what = What::use, .table = &table, .column = column, .policy = policy});
}

namespace {

bool has_family(const TableState& table) {
  return table.table->guard != Table::none && !table.route->children.empty();
}

}  // namespace

void ChangeStage::apply_family(std::size_t at, std::size_t end, bool decides, ChangeSet& set) const {
  const Change& change = changes_[at];
  std::vector<FamilyArray> arrays;
  for (std::size_t next = at + 1; next < end && changes_[next].what != What::guarded; ++next) {
    const Change& array = changes_[next];
    if (array.what == What::children) arrays.push_back({array.table, &array.cells, array.key.view(), array.rows});
  }
  set.change_family(*change.table, change.kind, change.cells, change.key.view(), decides && change.decides, arrays);
}

void ChangeStage::apply(const Change& change, bool decides, ChangeSet& set) {
  switch (change.what) {
    case What::append:
      return set.append(*change.table, change.cells);
    case What::write:
      return set.write(*change.table, change.cells, change.key.view());
    case What::remove:
      return set.remove(*change.table, change.cells, change.key.view());
    case What::guarded:
      return set.change_guarded(*change.table, change.kind, change.cells, change.key.view(), decides && change.decides,
                                change.check);
    case What::truncate:
      return set.truncate(*change.table);
    case What::children:
      if (has_family(*change.table->parent)) return;  // they came with their parent
      return set.replace_children(*change.table, change.cells, change.key.view(), change.rows);
    case What::use:
      return set.note_use(*change.table, change.column, change.policy);
  }
}

void ChangeStage::apply(ChangeSet& set) const {
  std::size_t with_changes = 0;
  const auto end_of = [&](std::size_t part) { return part + 1 < parts_.size() ? parts_[part + 1] : changes_.size(); };
  for (std::size_t part = 0; part < parts_.size(); ++part) with_changes += end_of(part) > parts_[part] ? 1 : 0;
  // Whether PostgreSQL has a newer version of one row says nothing about the record's other rows.
  const bool decides = with_changes == 1;
  bool has_effect = false;
  for (std::size_t part = 0; part < parts_.size(); ++part) {
    const auto before = set.live_changes();
    for (std::size_t at = parts_[part]; at < end_of(part); ++at) {
      const bool family = changes_[at].what == What::guarded && has_family(*changes_[at].table);
      if (family)
        apply_family(at, end_of(part), decides, set);
      else
        apply(changes_[at], decides, set);
    }
    has_effect = set.end_part(before) || has_effect;
  }
  if (!has_effect) set.skip();
}

}  // namespace sluice::mapping
