@main struct ExctlMain { static func main() {} }
