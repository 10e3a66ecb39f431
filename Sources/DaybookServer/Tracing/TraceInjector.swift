#if Server
import Tracing

/// Takes from an instrument what it passes on.
struct TraceInjector: Injector {
    func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) {
        carrier[key.lowercased()] = value
    }
}
#endif
