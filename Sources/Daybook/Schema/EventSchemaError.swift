import DaybookCore

/// Why the schemas of an enum of events could not be found.
public enum EventSchemaError: Error, Equatable, CustomStringConvertible {
    /// The enum does not decode as one case by its name: its `Codable` conformance is written by hand.
    case noCases(event: String)
    /// No stand-in could be made for the values of a case.
    case sampleNeeded(event: String, case: String, reason: String)
    case unencodable(EventEncodingError)

    public var description: String {
        switch self {
        case .noCases(let event):
            "The cases of \(event) cannot be found: leave its Codable conformance to the compiler."
        case .sampleNeeded(let event, let name, let reason):
            "No sample of \(event).\(name) could be made (\(reason)): give one among the samples."
        case .unencodable(let error): error.description
        }
    }
}
