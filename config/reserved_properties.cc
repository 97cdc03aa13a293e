#include <array>

#include "config/validators.h"

namespace sluice::config {

namespace {

constexpr std::string_view pointer_decides =
    "the pointer row in PostgreSQL alone decides where reading resumes, Kafka's stored offsets never do";
constexpr std::string_view reads_only = "it belongs to a producer, and the service only reads";

constexpr std::array<Refused, 30> refused = {{
    {"bootstrap.servers", "it is set by kafka.brokers"},
    {"metadata.broker.list", "it is set by kafka.brokers"},
    {"group.id", "it is set by kafka.group"},
    {"group.instance.id", "it is set by kafka.instance"},
    {"partition.assignment.strategy", "it is set by kafka.strategy"},
    {"enable.auto.commit", pointer_decides},
    {"auto.commit.enable", pointer_decides},
    {"auto.commit.interval.ms", pointer_decides},
    {"enable.auto.offset.store", pointer_decides},
    {"offset.store.", pointer_decides},
    {"auto.offset.reset", "an offset out of range must stop the partition; a reset would skip or repeat records"},
    {"isolation.level", "only read_committed keeps records of aborted transactions out of the tables"},
    {"check.crcs", "a damaged record must be an error, not a row"},
    {"enable.partition.eof", "the end of the log moves the pointer past control records, compaction gaps included"},
    {"client.rack", "reading from followers can answer with offsets that are out of range there"},
    {"allow.auto.create.topics", "a mistyped topic must be an error, not a new and empty topic"},
    {"topic.blacklist", "a topic that is hidden from the client would be skipped silently"},
    {"plugin.library.paths", "an interceptor could change records before they are accounted for"},
    {"interceptors", "an interceptor could change records before they are accounted for"},
    {"default_topic_conf", "it is set by code only"},
    {"opaque", "it is set by code only"},
    {"enable.idempotence", reads_only},
    {"enable.gapless.guarantee", reads_only},
    {"transactional.id", reads_only},
    {"transaction.timeout.ms", reads_only},
    {"acks", reads_only},
    {"request.required.acks", reads_only},
    {"compression.codec", reads_only},
    {"compression.type", reads_only},
    {"linger.ms", "it belongs to a producer; batch.linger is what gathers records into a transaction"},
}};

}  // namespace

std::span<const Refused> refused_properties() {
  return refused;
}

}  // namespace sluice::config
