/* Stands in for the program where its Windows build cannot be had: a window of its name, its mutex, its two files.
 *
 *   standin                 opens a window, and runs until that is closed; meanwhile standin.txt is in the folder TEMP
 *   standin --stubborn      does not close when it is asked to
 *   standin FILE            writes its command line into FILE.started, as UTF-8, and ends: as for a double click
 *
 * Built for a console (CONSOLE defined), it prints its version and ends. */

#include <stdio.h>
#include <string.h>
#include <wchar.h>
#include <windows.h>

#ifdef CONSOLE

int wmain(void) {
    printf("%s\n", VERSION);
    return 0;
}

#else

static BOOL stubborn;

static LRESULT CALLBACK handle(HWND window, UINT message, WPARAM first, LPARAM second) {
    if (message == WM_CLOSE && stubborn)
        return 0;
    if (message == WM_DESTROY) {
        PostQuitMessage(0);
        return 0;
    }
    return DefWindowProcW(window, message, first, second);
}

static int say(const wchar_t *path) {
    char text[8192];
    FILE *file = _wfopen(path, L"wb");
    if (!file)
        return 3;
    int length = WideCharToMultiByte(CP_UTF8, 0, GetCommandLineW(), -1, text, sizeof text, NULL, NULL);
    fwrite(text, 1, length > 0 ? length - 1 : 0, file);
    fclose(file);
    return 0;
}

int wmain(int count, wchar_t **arguments) {
    if (count == 2 && arguments[1][0] != L'-') {
        wchar_t path[1024];
        _snwprintf(path, 1023, L"%ls.started", arguments[1]);
        path[1023] = 0;
        return say(path);
    }
    stubborn = count == 2 && wcscmp(arguments[1], L"--stubborn") == 0;
    HANDLE mutex = CreateMutexW(NULL, FALSE, MUTEX);
    WNDCLASSW kind = {.lpfnWndProc = handle, .hInstance = GetModuleHandleW(NULL), .lpszClassName = L"WanDesktopStandIn"};
    if (!mutex || !RegisterClassW(&kind))
        return 4;
    HWND window = CreateWindowW(kind.lpszClassName, TITLE, WS_OVERLAPPEDWINDOW, 0, 0, 320, 200, NULL, NULL, kind.hInstance, NULL);
    if (!window)
        return 5;
    wchar_t running[MAX_PATH + 16];
    GetTempPathW(MAX_PATH, running);
    wcscat(running, L"standin.txt");
    if (say(running))
        return 6;
    MSG message;
    while (GetMessageW(&message, NULL, 0, 0) > 0)
        DispatchMessageW(&message);
    DeleteFileW(running);
    return 0;
}

#endif
