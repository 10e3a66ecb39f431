import Testing

@testable import DaybookServer

@Suite struct ConnectionRoomTests {
    @Test func connectionsLeaveDescriptorsToTheStore() {
        #expect(ConnectionRoom.connections(wanted: 10_000, left: 256, descriptors: 1_024) == 768)
        #expect(ConnectionRoom.connections(wanted: 100, left: 256, descriptors: 1_024) == 100)
        #expect(ConnectionRoom.connections(wanted: 100, left: 256, descriptors: 64) == 16)
    }

    @Test func theSystemLetsThereBeSome() {
        #expect(ConnectionRoom.open(wanted: 10, left: 10) == 10)
    }
}
