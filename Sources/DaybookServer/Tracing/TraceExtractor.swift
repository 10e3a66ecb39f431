#if Server
import Tracing

/// Finds for an instrument what it passed on.
struct TraceExtractor: Extractor {
    func extract(key: String, from carrier: TraceCarrier) -> String? { carrier[key.lowercased()] }
}
#endif
