import Inspection
import Testing

@Suite struct InspectorTests {
}
