#if Client
import Instrumentation

/// Takes from an instrument what can be a header of a call, and is none that says something else.
struct TraceHeaderInjector: Injector {
    func inject(_ value: String, forKey key: String, into headers: inout [String: String]) {
        let name = key.lowercased()
        guard !name.isEmpty, !name.hasPrefix(":"), !name.hasPrefix("grpc-"), name != "authorization",
            name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), value.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
        else { return }
        headers[name] = value
    }
}
#endif
