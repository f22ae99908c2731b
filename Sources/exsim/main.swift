// exsim: the simulator as a program.
// Not here: what is simulated (Simulator).

import Glibc

exit(Program.run(Array(CommandLine.arguments.dropFirst())))
