// SPDX-License-Identifier: Apache-2.0

#include "testing/bench/report.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "testing/bench/stats.h"

namespace dmkit::bench {
namespace {

std::vector<double> Field(const std::vector<Sample>& samples, double Sample::*field) {
  std::vector<double> values;
  for (const Sample& sample : samples) values.push_back(sample.*field);
  return values;
}

// One measured quantity of one operation, both sides.
struct Comparison {
  Comparison(const OperationResult& result, double Sample::*field)
      : dmkit_ms(Field(result.dmkit, field)),
        floor_ms(Field(result.floor, field)),
        dmkit(Summarize(dmkit_ms)),
        floor(Summarize(floor_ms)),
        ratio_of_medians(Ratio(dmkit.median, floor.median)),
        median_of_ratios(MedianOfRatios(dmkit_ms, floor_ms)) {}

  std::vector<double> dmkit_ms;
  std::vector<double> floor_ms;
  Summary dmkit;
  Summary floor;
  double ratio_of_medians;
  double median_of_ratios;
};

std::string TimeTable(const Results& results, const char* title, double Sample::*field) {
  std::string text = absl::StrFormat("%-10s  %26s  %26s  %17s\n", title, "dmkit      ",
                                     "floor      ", "dmkit / floor  ");
  absl::StrAppendFormat(&text, "%-10s  %8s %8s %8s  %8s %8s %8s  %8s %8s\n", "ms", "median", "min",
                        "max", "median", "min", "max", "medians", "pairs");
  for (const OperationResult& result : results.operations) {
    const Comparison c(result, field);
    absl::StrAppendFormat(&text, "%-10s  %8.2f %8.2f %8.2f  %8.2f %8.2f %8.2f  %8.2f %8.2f\n",
                          result.name, c.dmkit.median, c.dmkit.min, c.dmkit.max, c.floor.median,
                          c.floor.min, c.floor.max, c.ratio_of_medians, c.median_of_ratios);
  }
  return text;
}

std::string CallTable(const Results& results) {
  std::string text =
      absl::StrFormat("%-10s  %17s  %17s  %8s\n", "calls", "ioctls     ", "fsyncs     ", "all");
  absl::StrAppendFormat(&text, "%-10s  %8s %8s  %8s %8s  %8s\n", "", "dmkit", "floor", "dmkit",
                        "floor", "dmkit");
  for (const OperationResult& result : results.operations) {
    absl::StrAppendFormat(&text, "%-10s  %8d %8d  %8d %8d  %8d\n", result.name,
                          result.dmkit_counts.ioctls, result.floor_counts.ioctls,
                          result.dmkit_counts.fsyncs, result.floor_counts.fsyncs,
                          result.dmkit_calls.size());
  }
  return text;
}

std::string JsonSide(const Summary& summary, const std::vector<double>& samples) {
  return absl::StrCat("{\"median\":", summary.median, ",\"min\":", summary.min,
                      ",\"max\":", summary.max, ",\"samples\":[", absl::StrJoin(samples, ","),
                      "]}");
}

std::string JsonComparison(const OperationResult& result, double Sample::*field) {
  const Comparison c(result, field);
  return absl::StrCat("{\"dmkit\":", JsonSide(c.dmkit, c.dmkit_ms),
                      ",\"floor\":", JsonSide(c.floor, c.floor_ms),
                      ",\"ratio_of_medians\":", c.ratio_of_medians,
                      ",\"median_of_ratios\":", c.median_of_ratios, "}");
}

std::string JsonCounts(const Counts& counts) {
  return absl::StrCat("{\"ioctls\":", counts.ioctls, ",\"fsyncs\":", counts.fsyncs, "}");
}

std::string JsonOperation(const OperationResult& result) {
  return absl::StrCat("{\"name\":\"", result.name,
                      "\",\"wall_ms\":", JsonComparison(result, &Sample::wall_ms),
                      ",\"cpu_ms\":", JsonComparison(result, &Sample::cpu_ms),
                      ",\"dmkit_counts\":", JsonCounts(result.dmkit_counts),
                      ",\"floor_counts\":", JsonCounts(result.floor_counts),
                      ",\"dmkit_calls\":", result.dmkit_calls.size(), "}");
}

}  // namespace

std::string FormatText(const Results& results) {
  const Plan& plan = results.plan;
  std::string text = absl::StrFormat(
      "Linux %s; %d layers, %s; %d rounds: %d samples of each operation and side%s\n\n",
      results.kernel_release, plan.layers,
      plan.chain ? "each a snapshot of the one before" : "all snapshots of the first", plan.rounds,
      plan.layers * plan.rounds, plan.settle ? "; written back before each" : "");
  absl::StrAppend(&text, TimeTable(results, "wall time", &Sample::wall_ms), "\n");
  absl::StrAppend(&text, TimeTable(results, "own CPU", &Sample::cpu_ms), "\n");
  absl::StrAppend(&text, CallTable(results));
  return text;
}

std::string FormatCalls(const Results& results) {
  std::string text;
  for (const OperationResult& result : results.operations) {
    absl::StrAppendFormat(&text, "\n%8s %8s  %s\n", "wall ms", "CPU ms", result.name);
    for (const CallResult& call : result.dmkit_calls) {
      absl::StrAppendFormat(&text, "%8.2f %8.2f  %s\n",
                            Median(Field(call.samples, &Sample::wall_ms)),
                            Median(Field(call.samples, &Sample::cpu_ms)), call.text);
    }
  }
  return text;
}

std::string FormatJson(const Results& results) {
  const Plan& plan = results.plan;
  return absl::StrCat("{\"kernel\":\"", results.kernel_release, "\",\"layers\":", plan.layers,
                      ",\"rounds\":", plan.rounds, ",\"chain\":", plan.chain ? "true" : "false",
                      ",\"settle\":", plan.settle ? "true" : "false", ",\"operations\":[",
                      absl::StrJoin(results.operations, ",",
                                    [](std::string* out, const OperationResult& result) {
                                      absl::StrAppend(out, JsonOperation(result));
                                    }),
                      "]}\n");
}

}  // namespace dmkit::bench
