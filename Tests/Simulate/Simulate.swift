import ArgumentParser
import Foundation
import StoreSimulation

@main
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "Simulate",
        abstract: "Runs the embedded store over a simulated disk that breaks, seed by seed.",
        discussion: """
            Each seed decides what clients ask for, the order in which tasks, the writer and the readers go on, what the disk \
            does to each call, when the store is brought down, and what a power cut leaves of its files. What is read and \
            acknowledged is compared with an array of events. The same seed does the same every time.

            Prints progress on standard error, and a summary as one line of JSON on standard output.

            Exit codes: 0 nothing was found; 1 something was, or a kind of fault never came; 64 wrong arguments.

            Examples:
              Simulate --seeds 20000
              Simulate --seed 4711 --seeds 1
              Simulate --planted eventNotWritten     # a defect put in on purpose must be found
            """)

    @Option(help: "The first seed.")
    var seed: UInt64 = 1

    @Option(help: "How many seeds.")
    var seeds: UInt64 = 20_000

    @Option(help: "Begin no further seed after so many seconds.")
    var seconds: Double?

    @Option(help: "One in so many seeds is run twice, and must do the same; 0 for none.")
    var repeats = 10

    @Option(help: "A defect to put in: \(PlantedFault.allCases.map(\.rawValue).joined(separator: ", ")).")
    var planted: PlantedFault?

    @Flag(help: "Go on after the first seed that finds something.")
    var all = false

    @Flag(help: "Print every step of every seed.")
    var trace = false

    /// From so many seeds on, every kind of fault must have come.
    private static let seedsForEveryFault = 200

    func validate() throws {
        guard seeds >= 1 else { throw ValidationError("--seeds is \(seeds): ask for 1 or more.") }
        guard seed <= .max - seeds else {
            throw ValidationError("--seed \(seed) and \(seeds) more: there are not so many.")
        }
        guard repeats >= 0 else { throw ValidationError("--repeats is \(repeats): ask for 0 or more.") }
    }

    func run() throws {
        var campaign = SimulationCampaign(seeds: seed..<seed + seeds)
        campaign.repetition = repeats
        campaign.planted = planted
        campaign.seconds = seconds
        campaign.goesOn = all
        campaign.keepsTrace = trace
        let isTerminal = isatty(STDERR_FILENO) == 1
        var told = 0.0
        let report = try campaign.run { report in
            guard report.seconds - told >= (isTerminal ? 0.5 : 10) else { return }
            told = report.seconds
            tell(
                "\(report.seeds) of \(seeds) seeds in \(Int(report.seconds)) s, \(report.violations) violations"
                    + (isTerminal ? "\r" : "\n"))
        } found: { description in
            tell("\n\(description)\n")
        }
        print(report.line)
        if report.violations > 0 { throw ExitCode(1) }
        if report.seeds >= Self.seedsForEveryFault, planted == nil, !report.missingFaults.isEmpty {
            tell("No seed had: \(report.missingFaults.map(\.rawValue).joined(separator: ", ")).\n")
            throw ExitCode(1)
        }
    }

    private func tell(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}

extension PlantedFault: ExpressibleByArgument {}
