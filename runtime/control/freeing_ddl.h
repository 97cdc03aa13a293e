// The DDL after which dead letters could be applied: by PostgreSQL's message, or by what `evolve` would do for the
// records of some of the letters, whether or not their route lets the table evolve. Runs none of it.
//
// Made for one command, used by its thread; asks PostgreSQL, and Kafka or the registry where a record needs them.
// Whether the statement is right is for people to say: what runs into a unique index is there already, so none is
// proposed for it, nor for a domain, a trigger's message, or a table that is not the letters' own.
#pragma once

#include <memory>
#include <string>

#include "admin/dead_letters.h"
#include "base/clock.h"
#include "base/evolution.h"
#include "base/schema.h"
#include "config/pipeline.h"
#include "runtime/pipeline/record_mapper.h"
#include "sink/admin_tables.h"
#include "sink/table_catalogue.h"

namespace sluice::runtime {

// By the message alone; empty for what it does not tell.
std::string ddl_of_message(const DeadLetterGroup& group);

// Of what a record asks for, that which its group's SQLSTATE is about.
Evolution relevant_to(const std::string& sqlstate, Evolution evolution);
// Adds what another record asks for: of numbers the wider type, and else the first.
void add_to(Evolution& wanted, const Evolution& other);

class FreeingDdl {
 public:
  static constexpr int letters_of_each = 20;  // whose records are looked at

  FreeingDdl(const config::Pipeline& pipeline, sink::AdminTables& store, SchemaSource& schemas);

  // Sets the group's DDL, or why it is not known.
  void find(DeadLetterGroup& group, Clock::time_point deadline);

 private:
  // Tables that are never altered: what they are asked for is kept.
  class Asked final : public sink::Tables {
   public:
    explicit Asked(const config::Postgres& settings) : catalogue_(settings) {}
    sink::DescribedTable describe(const std::string& name, const config::Route& route) override {
      return catalogue_.describe(name, route);
    }
    Result<Evolved> evolve(const sink::WantedTable& wanted, const Evolution& lacking) override;
    std::string statement_for(const std::string& name, const Evolution& lacking) const override {
      return catalogue_.statement_for(name, lacking);
    }
    Result<bool> unchanged(std::span<const Table* const> tables) override { return catalogue_.unchanged(tables); }
    Result<bool> equal(const Equality& values) override { return catalogue_.equal(values); }

    std::string table;  // by its name; empty: nothing was asked for
    Evolution evolution;

   private:
    sink::TableCatalogue catalogue_;
  };

  void find_by_records(DeadLetterGroup& group, Clock::time_point deadline);

  const std::shared_ptr<const config::Pipeline> following_;  // whose routes all let their tables evolve
  sink::AdminTables& store_;
  Asked tables_;
  RecordMapper mapper_;
};

}  // namespace sluice::runtime
