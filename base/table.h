// A target table as the catalogue describes it: what mapping needs to encode values and sink needs to form SQL.
//
// Made by sink/table_catalogue, read by everyone, never changed: a changed table is a new Table with a new version.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice {

// The form in which a value of a column travels to PostgreSQL. All but `input` are the binary form of the type of that
// name (network byte order), the same in arrays and in COPY. `input` is the text that the type's input function reads;
// the statement casts it. A column has one encoding, so that every row of a statement has the same shape.
enum class Encoding : std::uint8_t {
  int2,
  int4,
  int8,
  float4,
  float8,
  numeric,
  boolean,
  text,
  bytea,
  uuid,
  json,
  jsonb,
  date,
  time,
  timestamp,
  timestamptz,
  input,
};

// What a write does where the key exists already, or does not.
enum class WriteMode : std::uint8_t { upsert, insert, update };

struct Column {
  std::string name;  // as in the catalogue, unquoted
  // SQL name of the base type without modifier, quoted where needed: `pg_catalog.int4`, `public.mood`
  std::string cast;
  std::string declared;  // with modifier, for people: `numeric(20,4)`
  // How two values are compared. A type that an extension brings (citext) has an operator in a schema that our search
  // path does not have; a plain `=` would then mean another type's.
  std::string equals = "OPERATOR(pg_catalog.=)";
  Encoding encoding = Encoding::input;
  bool array = false;                  // an array of `element`; travels as `input` (an array literal)
  Encoding element = Encoding::input;  // of an array: how one element would travel
  std::string type_name;               // base type's bare name, of the element if an array: "interval", "bit", "point"
  std::int32_t modifier = -1;          // atttypmod
  bool not_null = false;
  bool has_default = false;
  bool generated = false;        // never written
  bool identity_always = false;  // written with OVERRIDING SYSTEM VALUE, never in SET
  bool enumeration = false;      // an enum: two of its values are equal exactly if their labels are
  std::string collation;         // as SQL, where it is not that of the type
  std::string loose_collation;   // the one that calls different characters equal, if one compares it; as SQL
  std::vector<Column> fields;    // of a composite type, in its order; of an array, those of an element

  bool collated() const { return !loose_collation.empty(); }
};

// The route's `where`: the rows that the table may hold.
struct RowCondition {
  std::string sql;                     // of a row `target`; no statement but the one that removes rows has it
  std::vector<std::uint16_t> columns;  // that it names; empty: there is no condition
};

struct Table {
  std::string name;      // as the route spells it: `public.orders`
  std::string sql_name;  // schema-qualified and quoted
  std::uint32_t oid = 0;
  std::vector<Column> columns;     // in catalogue order, dropped ones left out
  std::vector<std::uint16_t> key;  // indexes of the key columns, in the order of the route; empty = no key
  bool null_keys = false;          // the key's unique index has NULLS NOT DISTINCT: NULL is a value of its own
  // Of the column that holds the version of a row, and of the one that marks a row as deleted: an index, or `none`.
  static constexpr std::int32_t none = -1;
  std::int32_t guard = none;
  std::int32_t marker = none;
  bool is_guarded() const { return guard != none || marker != none; }
  RowCondition condition;
  bool is_conditional() const { return !condition.columns.empty(); }
  bool shared = false;  // several topics may feed it: its writers may meet in the same rows
  // Foreign keys. `tree` tells tables apart: partitions are one with their root, whose object identifier it is.
  std::uint32_t tree = 0;
  // How many trees the foreign keys that are checked at once lead to, its own included: fewer from a parent than from
  // its children, and equally many from tables that they link in a circle.
  int depth = 1;
  bool circular = false;                      // in such a circle with other tables
  bool refers_to_itself = false;              // rows are parents of others in the same tree
  std::vector<std::uint32_t> delete_changes;  // trees in which a delete here removes rows, or changes them
  bool deferrable =
      false;  // it, or what refers to it, has constraints that can be left to COMMIT and by itself are not
  bool other_unique = false;    // rows are also told apart by an index, or an exclusion, that is not the key's
  bool delete_acts = false;     // a delete does more than remove the row: triggers, rules, foreign keys to it
  bool conflict_clause = true;  // INSERT may have ON CONFLICT: not with rules, nor with INSTEAD OF triggers
  bool copy_is_insert = true;   // COPY does what INSERT does: not with rules, row security, views
  bool owned = false;           // by the role that Sluice connects as
  std::string signature;        // of the catalogue's rows that describe it; equal as long as they are the same
  std::uint64_t version = 0;    // unique per description in this process
};

}  // namespace sluice
