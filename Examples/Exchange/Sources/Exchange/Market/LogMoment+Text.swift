import Daybook
import DaybookCore

extension LogMoment {
    /// Reads `latest`, `p5000` or `position:5000`, or a time of recording in RFC 3339. Nil for anything else: versions are
    /// those of one stream, and say nothing of the whole log.
    public init?(_ text: String) {
        switch MarketMoment(text) {
        case .latest: self = .latest
        case .position(let position): self = .position(position)
        case .time(let time): self = .time(time)
        case .version, nil: return nil
        }
    }
}
