import DaybookCore
import Testing

@Suite("Metrics as text") struct MetricTextTests {
    @Test("have their labels escaped, and say nothing of what has no value")
    func labels() {
        var text = MetricText([("store", "a\\b")])
        text.begin("daybook_nothing", .gauge, "Of which there is none.")
        text.begin("daybook_some", .gauge, "Some.")
        text.add(1.5, [("name", "line\nand \"quote\"")])
        text.add(2, [("name", "é")])
        #expect(
            text.text == #"""
                # HELP daybook_some Some.
                # TYPE daybook_some gauge
                daybook_some{store="a\\b",name="line\nand \"quote\""} 1.5
                daybook_some{store="a\\b",name="é"} 2

                """#)
    }

    @Test("count values in buckets up to their bounds")
    func histograms() {
        let histogram = MetricHistogram(.things, bounds: [1, 10])
        for value in [0, 1, 2, 10, 11, 1_000] { histogram.record(value) }
        var text = MetricText()
        text.begin("daybook_sizes", .histogram, "Sizes.")
        text.add(histogram)
        #expect(
            text.text == """
                # HELP daybook_sizes Sizes.
                # TYPE daybook_sizes histogram
                daybook_sizes_bucket{le="1"} 2
                daybook_sizes_bucket{le="10"} 4
                daybook_sizes_bucket{le="+Inf"} 6
                daybook_sizes_sum 1024
                daybook_sizes_count 6

                """)
    }

    @Test("tell times in seconds")
    func times() {
        let times = MetricHistogram()
        times.record(.microseconds(60))
        times.record(.seconds(-1))
        times.record(.seconds(60))
        let snapshot = times.snapshot
        #expect(snapshot.bounds.first == 0.000_05 && snapshot.bounds.last == 10)
        #expect(snapshot.cumulative.prefix(2) == [1, 2] && snapshot.cumulative.suffix(2) == [2, 3])
        #expect(abs(snapshot.sum - 60.000_06) < 1e-9)
    }

    @Test("are added to by many tasks at once")
    func concurrency() async {
        let histogram = MetricHistogram(.things, bounds: [5])
        let count = MetricCount()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for number in 0..<1_000 {
                        histogram.record(number % 10)
                        count.add()
                    }
                }
            }
        }
        count.subtract(1_000)
        #expect(count.value == 7_000)
        #expect(histogram.snapshot.cumulative == [4_800, 8_000])
    }

    @Test("tell of so many consumers as they may, those with problems first")
    func consumers() {
        let consumers = (0..<10).map { number in
            ConsumerHealth(
                name: "c\(number)", kind: .checkpoint, position: 1, eventsBehind: 0, secondsBehind: nil, parked: nil,
                problems: number == 7 ? ["It is behind."] : [])
        }
        let health = StoreHealth(head: 1, checkedAt: Timestamp(microseconds: 0), consumers: consumers)
        let lines = HealthMetrics(health, of: "s", consumers: 2).text.split(separator: "\n")
        #expect(
            lines.filter { $0.hasPrefix("daybook_consumer_position") } == [
                #"daybook_consumer_position{store="s",kind="checkpoint",consumer="c7"} 1"#,
                #"daybook_consumer_position{store="s",kind="checkpoint",consumer="c0"} 1"#,
            ])
    }
}
