#if JetStream
import DaybookCore

/// The streams of a log in the order in which they were first written, as far as it was looked at.
struct StreamList: Sendable {
    var scanned: Int64 = 0
    var order: [StreamName] = []
    var indexes: [StreamName: Int] = [:]
    var hasEvents: [Bool] = []

    mutating func add(_ name: StreamName, isEvent: Bool) {
        if let index = indexes[name] {
            if isEvent { hasEvents[index] = true }
        } else {
            indexes[name] = order.count
            order.append(name)
            hasEvents.append(isEvent)
        }
    }

    func page(after: StreamName?, limit: Int) -> [StreamName] {
        var index = after.flatMap { indexes[$0] }.map { $0 + 1 } ?? 0
        var names: [StreamName] = []
        while index < order.count, names.count < limit {
            if hasEvents[index] { names.append(order[index]) }
            index += 1
        }
        return names
    }
}
#endif
