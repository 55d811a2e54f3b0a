/* libnvidia-ml without GPUs: the functions that the collector calls, with the structures of nvml.h. What they answer is told by the test; in a process that no
   test can tell anything, one GPU says its nonce, dies of one that begins with 0xDE, never answers one that begins with 0x5E, and on 0xC1 closes the line and stays. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct { unsigned int environment, ccFeature, devToolsMode; } SystemState;
typedef struct { unsigned int certChainSize, attestationCertChainSize; unsigned char certChain[0x1000], attestationCertChain[0x1400]; } Certificate;
typedef struct {
    unsigned int isCecAttestationReportPresent, attestationReportSize, cecAttestationReportSize;
    unsigned char nonce[0x20], attestationReport[0x2000], cecAttestationReport[0x1000];
} Report;

typedef unsigned int (*Answer)(unsigned int device, const unsigned char *nonce, unsigned char *into);

static unsigned int echo(unsigned int device, const unsigned char *nonce, unsigned char *into)
{
    if (nonce && nonce[0] == 0xDE) abort();
    if (nonce && nonce[0] == 0x5E) pause();
    if (nonce && nonce[0] == 0xC1) close(1), pause();
    memcpy(into, nonce ? (const char *)nonce : "a chain that is none ............", 32);
    return 32;
}

static unsigned int started, devices = 1, feature = 1, devtools;
static int init;
static Answer report = echo, chain = echo;

void simulate(int initialising, unsigned int count, unsigned int cc, unsigned int tools, Answer reports, Answer chains)
{
    init = initialising, devices = count, feature = cc, devtools = tools, report = reports, chain = chains;
}

unsigned int simulated_users(void) { return started; }

int nvmlInit_v2(void) { return init ? init : (started++, 0); }
int nvmlShutdown(void) { return started ? (started--, 0) : 1; }
int nvmlDeviceGetCount_v2(unsigned int *count) { return *count = devices, started ? 0 : 1; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) { return index < devices ? (*device = (void *)(unsigned long)(index + 100), 0) : 2; }

int nvmlSystemGetConfComputeState(SystemState *state)
{
    if (feature == 99) return 3; /* not supported */
    *state = (SystemState){2, feature, devtools};
    return 0;
}

int nvmlDeviceGetConfComputeGpuCertificate(void *device, Certificate *certificate)
{
    memset(certificate->certChain, 'x', sizeof certificate->certChain);
    certificate->certChainSize = sizeof certificate->certChain;
    certificate->attestationCertChainSize = chain((unsigned int)(unsigned long)device - 100, 0, certificate->attestationCertChain);
    return 0;
}

int nvmlDeviceGetConfComputeGpuAttestationReport(void *device, Report *said)
{
    unsigned int size = report((unsigned int)(unsigned long)device - 100, said->nonce, said->attestationReport);
    if (!size) return 999;
    memset(said->cecAttestationReport, 'x', sizeof said->cecAttestationReport);
    said->isCecAttestationReportPresent = 1, said->cecAttestationReportSize = sizeof said->cecAttestationReport, said->attestationReportSize = size;
    return 0;
}
