// A planted overflow: one byte is read behind the memory it belongs to. A run under the address sanitizer that does not
// report it would not report one of ours either.
let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: CommandLine.arguments.count)
memory.initialize(repeating: 1, count: CommandLine.arguments.count)
print(memory[CommandLine.arguments.count])
memory.deallocate()
