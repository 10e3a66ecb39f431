#if Server
import Dispatch
import Foundation
import Synchronization

/// Ends the program at once when a second signal asks it to end: what is acknowledged is on the disk, as after a kill.
final class Impatience {
    private var sources: [any DispatchSourceSignal] = []

    /// Counts signals from now on: the first one is for others.
    func begin() {
        let count = Counter()
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(
                signal: number, queue: DispatchQueue(label: "daybook.impatience"))
            source.setEventHandler {
                guard count.add(1) > 1 else { return }
                Impatience.say("daybook: ended at once, by a second signal.")
                _exit(128 + number)
            }
            source.activate()
            return source
        }
    }

    func end() {
        for source in sources { source.cancel() }
    }

    /// Says it unless that would wait: somebody who does not read the log does not keep the program.
    private static func say(_ text: String) {
        var place = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
        if poll(&place, 1, 0) == 1 { StandardError.line(text) }
    }

    private final class Counter: Sendable {
        private let signals = Atomic(0)

        func add(_ count: Int) -> Int { signals.add(count, ordering: .relaxed).newValue }
    }
}
#endif
