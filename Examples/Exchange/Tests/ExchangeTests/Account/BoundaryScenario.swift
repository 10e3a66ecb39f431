import Daybook
import DaybookCore
import Testing

/// A test of a boundary decider in its own words: given what happened where, when a command comes, then this happens.
struct BoundaryScenario<D: BoundaryDecider> {
    private var history: [(event: D.Event, stream: StreamName)] = []

    init(_ decider: D.Type) {}

    func given(_ events: D.Event..., in stream: StreamName) -> BoundaryScenario {
        var scenario = self
        scenario.history += events.map { ($0, stream) }
        return scenario
    }

    func when(_ command: D.Command) -> Result<[PlacedEvent], D.Rejection> {
        var state = D.initialState(for: command)
        for (event, stream) in history { D.evolve(&state, with: event, of: stream) }
        do throws(D.Rejection) { return .success(try D.decide(command, in: state)) } catch { return .failure(error) }
    }
}

extension Result where Success == [PlacedEvent] {
    /// Exactly these events are decided, each in its stream.
    func then<Event: Equatable>(
        _ events: Event..., in streams: StreamName..., sourceLocation: SourceLocation = #_sourceLocation
    ) {
        guard case .success(let placed) = self, placed.map(\.stream) == streams,
            placed.map({ $0.event as? Event }) == events
        else {
            Issue.record("decided \(self), not \(events) in \(streams)", sourceLocation: sourceLocation)
            return
        }
    }

    func thenNothing(sourceLocation: SourceLocation = #_sourceLocation) {
        if case .success(let placed) = self, placed.isEmpty { return }
        Issue.record("decided \(self), not nothing", sourceLocation: sourceLocation)
    }
}

extension Result where Success == [PlacedEvent], Failure: Equatable {
    func thenRejected(_ rejection: Failure, sourceLocation: SourceLocation = #_sourceLocation) {
        if case .failure(rejection) = self { return }
        Issue.record("decided \(self), not the rejection: \(rejection)", sourceLocation: sourceLocation)
    }
}
