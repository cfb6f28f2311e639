// The process manager of the server, as a typed client.

import { client } from "../api";
import { ProcessService } from "../gen/zona/process/v1/process_service_pb";

export const processes = client(ProcessService);
