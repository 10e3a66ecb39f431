import ArgumentParser
import Exchange

@main
struct ExchangeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "exchange", abstract: "A small stock exchange.")
}
