import Foundation

@testable import DaybookCommand

/// What a run feeds made-up bytes to; `DAYBOOK_FUZZ_TARGET` names it. Each is one function that must return, whatever the
/// bytes are: it stops the program where a promise is broken.
enum FuzzTarget: String, CaseIterable {
    case records, json, ndjson, xes, csv, wire
    #if Server
    case rpc, headers, credentials, requests
    #endif

    func run(_ bytes: [UInt8]) {
        switch self {
        case .records: RecordFuzzing.run(bytes)
        case .json: JSONFuzzing.run(bytes)
        case .ndjson: ImportFuzzing.run(bytes, as: .ndjson)
        case .xes: ImportFuzzing.run(bytes, as: .xes)
        case .csv: ImportFuzzing.run(bytes, as: .csv)
        case .wire: WireFuzzing.run(bytes)
        #if Server
        case .rpc: RPCFuzzing.run(bytes)
        case .headers: HeaderFuzzing.run(bytes)
        case .credentials: CredentialFuzzing.run(bytes)
        case .requests: RequestFuzzing.run(bytes)
        #endif
        }
    }

    static let chosen: FuzzTarget = {
        let environment = ProcessInfo.processInfo.environment
        guard let name = environment["DAYBOOK_FUZZ_TARGET"], let target = FuzzTarget(rawValue: name) else {
            let names = allCases.map(\.rawValue).joined(separator: ", ")
            fatalError("DAYBOOK_FUZZ_TARGET names no target: set it to one of \(names).")
        }
        return target
    }()
}

/// A planted defect behind three bytes, to see whether one would be found; `DAYBOOK_FUZZ_CANARY` chooses it.
enum FuzzCanary: String {
    /// Stops the program, as a broken precondition does.
    case trap
    /// Reads one byte behind its memory, which only the address sanitizer notices.
    case overflow

    static let chosen = ProcessInfo.processInfo.environment["DAYBOOK_FUZZ_CANARY"].flatMap { FuzzCanary(rawValue: $0) }

    func run(_ bytes: [UInt8]) {
        guard bytes.count >= 3, bytes[0] == UInt8(ascii: "E") else { return }
        guard bytes[1] == UInt8(ascii: "V") else { return }
        guard bytes[2] == UInt8(ascii: "T") else { return }
        switch self {
        case .trap: fatalError("The planted trap was reached.")
        case .overflow:
            let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
            defer { memory.deallocate() }
            memory.initialize(repeating: 1, count: bytes.count)
            print("The byte behind the planted memory is \(memory[bytes.count]).")
        }
    }
}

/// Stops the program, and says why, unless something holds; a precondition is silent in a release.
func promise(_ holds: Bool, _ broken: @autoclosure () -> String) {
    if !holds { fatalError(broken()) }
}

/// What libFuzzer calls for each input: https://llvm.org/docs/LibFuzzer.html
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    if let canary = FuzzCanary.chosen {
        canary.run(bytes)  // Alone, so that no defect of a target is taken for it.
    } else {
        FuzzTarget.chosen.run(bytes)
    }
    return 0
}
