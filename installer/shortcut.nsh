; A shortcut with the id that the program gives itself, so that its windows gather under this entry, and so that its
; messages have a sender. Changes $0 to $4 and $R3.

!include "LogicLib.nsh"
!include "Win\COM.nsh"
!include "Win\Propkey.nsh"

; Puts a PROPERTYKEY of the id into $2 and a PROPVARIANT that holds it into $3.
!macro MakeIdProperty id
  System::Call '*${SYSSTRUCT_PROPERTYKEY}(${PKEY_AppUserModel_ID})p.r2'
  System::Call 'shlwapi::SHStrDupW(w "${id}", *p.r4)'
  System::Call '*${SYSSTRUCT_PROPVARIANT}(${VT_LPWSTR},,p r4)p.r3'
!macroend

!macro FreeIdProperty
  System::Call 'ole32::PropVariantClear(p r3)'
  System::Free $2
  System::Free $3
!macroend

!macro MakeShortcut file program name id
  StrCpy $R3 ""
  !insertmacro ComHlpr_CreateInProcInstance ${CLSID_ShellLink} ${IID_IShellLink} r0 ""
  ${If} $0 P<> 0
    ${IShellLink::SetPath} $0 '("${program}")'
    ${IShellLink::SetIconLocation} $0 '("${program}", 0)'
    ${IShellLink::SetDescription} $0 '("${name}")'
    ${IUnknown::QueryInterface} $0 '("${IID_IPropertyStore}",.r1)'
    ${If} $1 P<> 0
      !insertmacro MakeIdProperty "${id}"
      ${IPropertyStore::SetValue} $1 '(r2, r3)'
      ${IPropertyStore::Commit} $1 ""
      !insertmacro FreeIdProperty
      ${IUnknown::Release} $1 ""
    ${EndIf}
    ${IUnknown::QueryInterface} $0 '("${IID_IPersistFile}",.r1)'
    ${If} $1 P<> 0
      ${IPersistFile::Save} $1 '("${file}", 1)'
      ${IUnknown::Release} $1 ""
      StrCpy $R3 "made"
    ${EndIf}
    ${IUnknown::Release} $0 ""
  ${EndIf}
  ${If} $R3 == ""
    CreateShortcut "${file}" "${program}"
  ${EndIf}
!macroend
