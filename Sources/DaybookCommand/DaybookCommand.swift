import ArgumentParser

@main
struct DaybookCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "daybook", abstract: "Append to, read, follow and look after an event log.")
}
