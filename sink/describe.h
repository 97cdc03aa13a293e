// A table as PostgreSQL's catalogue has it, checked against what a route wants to do with it.
//
// Runs within the caller's transaction; libpqxx's exceptions pass through.
#pragma once

#include <memory>
#include <pqxx/transaction_base>
#include <string>

#include "base/error.h"
#include "base/table.h"
#include "config/pipeline.h"

namespace sluice::sink {

Result<std::shared_ptr<const Table>> describe(pqxx::transaction_base& transaction, const std::string& name,
                                              const config::Route& route);

}  // namespace sluice::sink
